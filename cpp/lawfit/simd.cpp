#include "lawfit/simd.hpp"

#include <cmath>

namespace lawfit::simd {

void exp(const double *x, double *y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = std::exp(x[i]);
}
void log(const double *x, double *y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = std::log(x[i]);
}
void add_gram(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
              double *gram) {
  for (int a = 0; a < m; ++a)
    for (int b = 0; b <= a; ++b) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i)
        sum += w[i] * jac[static_cast<std::size_t>(a) * stride + i] *
               jac[static_cast<std::size_t>(b) * stride + i];
      gram[a * m + b] += sum;
    }
}
void add_product(const double *jac, std::size_t stride, int m, const double *c, std::size_t n,
                 double *g) {
  for (int a = 0; a < m; ++a) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      sum += c[i] * jac[static_cast<std::size_t>(a) * stride + i];
    g[a] += sum;
  }
}
const char *level() noexcept { return "scalar"; }

} // namespace lawfit::simd
