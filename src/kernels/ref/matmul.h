// The scalar matrix products, for the table of the scalar instruction set (kernels/table.h).
#pragma once

#include "kernels/table.h"

namespace glimmer::kernels::scalar {

void PlainF32(const MatMulArgs& args);
void PlainBf16(const MatMulArgs& args);
void PlainNvfp4(const MatMulArgs& args);
void PlainE4m3(const MatMulArgs& args);
void GroupsF32(const MatMulArgs& args);
void GroupsBf16(const MatMulArgs& args);
void GroupsNvfp4(const MatMulArgs& args);
void GroupsE4m3(const MatMulArgs& args);
void MatMulDigits(const IntMatMulArgs& args);
void MatMulInt8Few(const IntMatMulArgs& args);
void MatMulInt8Many(const IntMatMulArgs& args);
void PackGroup(const PackGroupArgs& args);
void PackDigits(const PackIntArgs& args);
void PackInt8Few(const PackIntArgs& args);
void PackInt8Many(const PackIntArgs& args);

}  // namespace glimmer::kernels::scalar
