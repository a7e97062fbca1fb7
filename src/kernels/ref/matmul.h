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
void MatMulInt16(const IntMatMulArgs& args);
void MatMulInt8(const IntMatMulArgs& args);
void MatMulInt16Groups(const IntMatMulArgs& args);
void MatMulInt8Groups(const IntMatMulArgs& args);
void PackGroup(const PackGroupArgs& args);
void PackInt16(const PackIntArgs& args);
void PackInt8(const PackIntArgs& args);
void PackInt16Group(const PackIntGroupArgs& args);
void PackInt8Group(const PackIntGroupArgs& args);

}  // namespace glimmer::kernels::scalar
