// The functions of one instruction set, for the front files of the kernels.
#pragma once

#include "kernels/isa.h"
#include "kernels/table.h"

namespace glimmer::kernels {

const Table& TableOf(Isa isa);
const Table& ActiveTable();

}  // namespace glimmer::kernels
