#define LAWFIT_SIMD_SSE2
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table sse2_table = {"sse2",
                          map<exp_of>,
                          map<log_of>,
                          add_gram,
                          add_product,
                          add_drop_of<Vectors>,
                          stream_of<Vectors>,
                          decreases_of<Vectors>,
                          sum_areas_of<Vectors>,
                          sweep_areas_of<Vectors>};

} // namespace lawfit::simd
