#define LAWFIT_SIMD_AVX512
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table avx512_table = table_of("avx512");

} // namespace lawfit::simd
