#include "lawfit/simd.hpp"

#include "lawfit/rules.hpp"
#include "lawfit/simd_areas.hpp"
#include "lawfit/simd_drop.hpp"
#include "lawfit/simd_plain.hpp"
#include "lawfit/simd_tables.hpp"
#include "lawfit/simd_term.hpp"
#include "lawfit/simd_weigh.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace lawfit::simd {
namespace {

template <double (*f)(double)> void map(const double *x, double *y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = f(x[i]);
}

template <double (*f)(double, double)>
void map_two(const double *x, const double *y, double *z, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    z[i] = f(x[i], y[i]);
}

void scalar_add_gram(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
                     double *gram) {
  for (int a = 0; a < m; ++a)
    for (int b = 0; b <= a; ++b) {
      const double *row_a = jac + static_cast<std::size_t>(a) * stride;
      const double *row_b = jac + static_cast<std::size_t>(b) * stride;
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i)
        sum += w[i] * row_a[i] * row_b[i];
      gram[a * m + b] += sum;
    }
}

void scalar_add_product(const double *jac, std::size_t stride, int m, const double *c,
                        std::size_t n, double *g) {
  for (int a = 0; a < m; ++a) {
    const double *row = jac + static_cast<std::size_t>(a) * stride;
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      sum += c[i] * row[i];
    g[a] += sum;
  }
}

// What this build has, best first.
constexpr const Table *built[] = {
#if defined(LAWFIT_SIMD_X86)
    &avx512_table, &avx2_table, &sse2_table,
#elif defined(LAWFIT_SIMD_ARM)
    &neon_table,
#endif
    &scalar_table};

bool runs_here(const Table *table) noexcept {
#if defined(LAWFIT_SIMD_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (table == &avx512_table)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  if (table == &avx2_table)
    return avx2;
#endif
  return table != nullptr; // the others are part of the architecture built for
}

const Table *choose() noexcept {
  if (const char *asked = std::getenv("LAWFIT_SIMD"))
    if (const Table *table = find_table(asked))
      return table;
  for (const Table *table : built)
    if (runs_here(table))
      return table;
  return &scalar_table;
}

const Table &active() noexcept {
  static const Table *const table = choose();
  return *table;
}

} // namespace

const Table scalar_table = {"scalar",
                            map<std::exp>,
                            map<std::log>,
                            map<std::expm1>,
                            map<std::log1p>,
                            map<std::sin>,
                            map<std::cos>,
                            map<std::tan>,
                            map<std::atan>,
                            map<std::tanh>,
                            map<lawfit::expit>,
                            map_two<std::pow>,
                            map_two<lawfit::logaddexp>,
                            scalar_add_gram,
                            scalar_add_product,
                            add_columns_of<Doubles>,
                            weigh_of<Doubles>,
                            add_term_of<Doubles>,
                            add_moments_of<Doubles>,
                            add_drop_of<Doubles>,
                            stream_of<Doubles>,
                            decreases_of<Doubles>,
                            sum_areas_of<Doubles>,
                            sweep_areas_of<Doubles>};

const Table *find_table(const char *level) noexcept {
  for (const Table *table : built)
    if (std::strcmp(table->level, level) == 0 && runs_here(table))
      return table;
  return nullptr;
}

void exp(const double *x, double *y, std::size_t n) { active().exp(x, y, n); }
void log(const double *x, double *y, std::size_t n) { active().log(x, y, n); }
void expm1(const double *x, double *y, std::size_t n) { active().expm1(x, y, n); }
void log1p(const double *x, double *y, std::size_t n) { active().log1p(x, y, n); }
void sin(const double *x, double *y, std::size_t n) { active().sin(x, y, n); }
void cos(const double *x, double *y, std::size_t n) { active().cos(x, y, n); }
void tan(const double *x, double *y, std::size_t n) { active().tan(x, y, n); }
void atan(const double *x, double *y, std::size_t n) { active().atan(x, y, n); }
void tanh(const double *x, double *y, std::size_t n) { active().tanh(x, y, n); }
void expit(const double *x, double *y, std::size_t n) { active().expit(x, y, n); }

void pow(const double *x, const double *y, double *z, std::size_t n) { active().pow(x, y, z, n); }
void logaddexp(const double *x, const double *y, double *z, std::size_t n) {
  active().logaddexp(x, y, z, n);
}

void add_gram(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
              double *gram) {
  active().add_gram(jac, stride, m, w, n, gram);
}

void add_product(const double *jac, std::size_t stride, int m, const double *c, std::size_t n,
                 double *g) {
  active().add_product(jac, stride, m, c, n, g);
}

void add_columns(const double *jac, std::size_t stride, int m, const double *s, std::size_t n,
                 const double *x, double *y) {
  active().add_columns(jac, stride, m, s, n, x, y);
}

double weigh(const Weighing &with, WeighFor purpose, const double *f, const double *target,
             const double *weight, std::size_t n, const WeighedRows &out) {
  return active().weigh(with, purpose, f, target, weight, n, out);
}

void add_term(const Term &term, std::size_t n, const TermRows &out) {
  active().add_term(term, n, out);
}

void add_moments(const double *c, const double *shape, const double *a, const double *b,
                 std::size_t n, double *out) {
  active().add_moments(c, shape, a, b, n, out);
}

void add_drop(const DropKernel &kernel, const DropNodes &nodes, const DropRun *runs, std::size_t n,
              int order, DropSums &sums) {
  active().add_drop(kernel, nodes, runs, n, order, sums);
}

void stream(const double *from, std::size_t n, double *to) { active().stream(from, n, to); }

void end_stream() noexcept {
#if defined(LAWFIT_SIMD_X86)
  __builtin_ia32_sfence();
#endif
}

void decreases(const double *lr, std::size_t n, double *d) { active().decreases(lr, n, d); }

void sum_areas(const AreaWeights &weights, int order, const double *lr, double first, std::size_t n,
               AreaSums &sums) {
  active().sum_areas(weights, order, lr, first, n, sums);
}

void sweep_areas(const AreaSweep &sweep, int order, const double *lr, const double *d,
                 std::size_t n, const AreaOutputs &out, AreaSums &sums) {
  active().sweep_areas(sweep, order, lr, d, n, out, sums);
}

const char *level() noexcept { return active().level; }

} // namespace lawfit::simd
