// The implementations behind simd.hpp, for its dispatch and for tests that compare them.
// Files built for an instruction set of their own include this, so nothing inline belongs here: the
// linker could keep their copy of an inline function, and call it on a machine that can't run it.
#pragma once

#include <cstddef>

#include "lawfit/simd_types.hpp"

namespace lawfit::simd {

typedef void (*Map)(const double *x, double *y, std::size_t n);
typedef void (*MapTwo)(const double *x, const double *y, double *z, std::size_t n);

struct Table {
  const char *level;
  Map exp, log, expm1, log1p, sin, cos, tan, atan, tanh, expit;
  MapTwo pow, logaddexp;
  void (*add_gram)(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
                   double *gram);
  void (*add_product)(const double *jac, std::size_t stride, int m, const double *c, std::size_t n,
                      double *g);
  void (*add_columns)(const double *jac, std::size_t stride, int m, const double *s, std::size_t n,
                      const double *x, double *y);
  double (*weigh)(const Weighing &with, WeighFor purpose, const double *f, const double *target,
                  const double *weight, std::size_t n, const WeighedRows &out);
  void (*add_term)(const Term &term, std::size_t n, const TermRows &out);
  void (*add_moments)(const double *c, const double *shape, const double *a, const double *b,
                      std::size_t n, double *out);
  void (*add_drop)(const DropKernel &kernel, const DropNodes &nodes, const DropRun *runs,
                   std::size_t n, int order, DropSums &sums);
  void (*stream)(const double *from, std::size_t n, double *to);
  void (*decreases)(const double *lr, std::size_t n, double *d);
  void (*sum_areas)(const AreaWeights &weights, int order, const double *lr, double first,
                    std::size_t n, AreaSums &sums);
  void (*sweep_areas)(const AreaSweep &sweep, int order, const double *lr, const double *d,
                      std::size_t n, const AreaOutputs &out, AreaSums &sums);
};

extern const Table avx512_table, avx2_table, sse2_table, neon_table, scalar_table;

// The table of that level, or null when this build or this machine does not have it.
const Table *find_table(const char *level) noexcept;

} // namespace lawfit::simd
