#define LAWFIT_SIMD_SSE2
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table sse2_table = {"sse2",
                          map<exp_of>,
                          map<log_of>,
                          add_gram,
                          add_product,
                          weigh_of<Vectors>,
                          add_term_of<Vectors>,
                          add_moments_of<Vectors>,
                          add_drop_of<Vectors>};

} // namespace lawfit::simd
