#define LAWFIT_SIMD_NEON
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table neon_table = table_of("neon");

} // namespace lawfit::simd
