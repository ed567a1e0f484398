#include "lawfit/linalg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lawfit/simd.hpp"

namespace lawfit::linalg {

bool cholesky(double *a, int n, int stride, const double *size) {
  for (int j = 0; j < n; ++j) {
    double *row = a + j * stride;
    const double whole = size ? size[j] : row[j];
    double pivot = row[j];
    for (int k = 0; k < j; ++k)
      pivot -= row[k] * row[k];
    // A pivot that cancelled to rounding is no pivot.
    if (!(pivot > whole * n * std::numeric_limits<double>::epsilon()))
      return false;
    row[j] = std::sqrt(pivot);
    for (int i = j + 1; i < n; ++i) {
      double *below = a + i * stride;
      double sum = below[j];
      for (int k = 0; k < j; ++k)
        sum -= below[k] * row[k];
      below[j] = sum / row[j];
    }
  }
  return true;
}

void cholesky_solve(const double *l, int n, int stride, double *x) {
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < i; ++k)
      x[i] -= l[i * stride + k] * x[k];
    x[i] /= l[i * stride + i];
  }
  for (int i = n; i-- > 0;) {
    for (int k = i + 1; k < n; ++k)
      x[i] -= l[k * stride + i] * x[k];
    x[i] /= l[i * stride + i];
  }
}

namespace {

double product(const double *x, const double *y, std::size_t n) {
  double sum = 0;
  simd::add_product(x, n, 1, y, n, &sum);
  return sum;
}

// Of (head, x).
double norm(double head, const double *x, std::size_t n) {
  const double squares = head * head + product(x, x, n);
  if (squares > 1e-280 && squares < 1e280)
    return std::sqrt(squares);
  const double largest = std::accumulate(
      x, x + n, std::abs(head), [](double m, double v) { return std::fmax(m, std::abs(v)); });
  if (largest == 0)
    return 0;
  double sum = (head / largest) * (head / largest);
  for (std::size_t i = 0; i < n; ++i)
    sum += (x[i] / largest) * (x[i] / largest);
  return largest * std::sqrt(sum);
}

} // namespace

void qr_append(double *r, int p, double *rows, std::size_t n, std::size_t stride) {
  for (int k = 0; k < p; ++k) {
    double *x = rows + static_cast<std::size_t>(k) * stride;
    const double length = norm(r[k * p + k], x, n);
    if (length == 0)
      continue;
    const double alpha = -std::copysign(length, r[k * p + k]);
    const double head = r[k * p + k] - alpha;
    r[k * p + k] = alpha;
    // The reflector is I - tau·(1, x)(1, x)ᵀ with x in units of the head: no product of two small
    // numbers is formed, which would underflow where rounding alone is left of a column.
    const double tau = -head / alpha;
    for (std::size_t i = 0; i < n; ++i)
      x[i] /= head;
    for (int j = k + 1; j < p; ++j) {
      double *y = rows + static_cast<std::size_t>(j) * stride;
      const double dot = (r[k * p + j] + product(x, y, n)) * tau;
      r[k * p + j] -= dot;
      for (std::size_t i = 0; i < n; ++i)
        y[i] -= dot * x[i];
    }
  }
}

namespace {

// Rotates columns a and b of m (p rows, stride p).
void rotate(double *m, int p, int a, int b, double c, double s) {
  for (int i = 0; i < p; ++i) {
    const double x = m[i * p + a], y = m[i * p + b];
    m[i * p + a] = c * x - s * y;
    m[i * p + b] = s * x + c * y;
  }
}

double column_dot(const double *m, int p, int a, int b) {
  double sum = 0;
  for (int i = 0; i < p; ++i)
    sum += m[i * p + a] * m[i * p + b];
  return sum;
}

// One pass over all pairs of columns; true while some pair was not orthogonal.
bool sweep(double *a, double *v, int p) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  bool rotated = false;
  for (int i = 0; i < p; ++i)
    for (int j = i + 1; j < p; ++j) {
      const double x = column_dot(a, p, i, i), y = column_dot(a, p, j, j),
                   xy = column_dot(a, p, i, j);
      if (std::abs(xy) <= eps * std::sqrt(x * y))
        continue;
      rotated = true;
      const double zeta = (y - x) / (2 * xy);
      const double t = std::copysign(1 / (std::abs(zeta) + std::hypot(1.0, zeta)), zeta);
      const double c = 1 / std::hypot(1.0, t);
      rotate(a, p, i, j, c, c * t);
      rotate(v, p, i, j, c, c * t);
    }
  return rotated;
}

} // namespace

void svd(double *a, int p, double *s, double *v) {
  std::fill(v, v + p * p, 0.0);
  for (int i = 0; i < p; ++i)
    v[i * p + i] = 1;
  for (int pass = 0; pass < 40 && sweep(a, v, p); ++pass) {
  }
  for (int k = 0; k < p; ++k)
    s[k] = std::sqrt(column_dot(a, p, k, k));
  for (int k = 0; k < p; ++k) {
    const auto largest = static_cast<int>(std::max_element(s + k, s + p) - s);
    if (largest == k)
      continue;
    std::swap(s[k], s[largest]);
    for (int i = 0; i < p; ++i) {
      std::swap(a[i * p + k], a[i * p + largest]);
      std::swap(v[i * p + k], v[i * p + largest]);
    }
  }
}

} // namespace lawfit::linalg
