#define LAWFIT_SIMD_SSE2
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table sse2_table = table_of("sse2");

} // namespace lawfit::simd
