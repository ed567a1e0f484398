#define LAWFIT_SIMD_NEON
#include "lawfit/simd_kernels.hpp"

namespace lawfit::simd {

const Table neon_table = {"neon",
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
