#define LAWFIT_SIMD_AVX2
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table avx2_table = table_of("avx2");

} // namespace lawfit::simd
