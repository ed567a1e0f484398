#include "lawfit/information.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
constexpr int P = max_parameters;
// A singular value this small, among columns of length 1, is rounding; or one that is so many times
// the noise of derivatives.
constexpr double rank_tolerance = 1e-11, noise_tolerance = 10;
// A parameter takes part in an undetermined direction when its share there is at least this.
constexpr double share_tolerance = 1e-3;
// Bofinger's share of the residuals, 2·(4.5·φ(0)⁴)^(1/5)·n^(−1/5).
constexpr double band_factor = 1.295;

// The triangle of columns `index` of a triangle, brought back to one by another factorisation;
// columns are divided by `scale`, if given.
void narrow(const double *triangle, int count, const int *index, int kept, const double *scale,
            double *out) {
  double rows[P * P];
  for (int a = 0; a < kept; ++a)
    for (int i = 0; i < count; ++i)
      rows[a * count + i] = i > index[a] ? 0.0
                            : scale      ? triangle[i * count + index[a]] / scale[index[a]]
                                         : triangle[i * count + index[a]];
  std::fill_n(out, kept * kept, 0.0);
  linalg::qr_append(out, kept, rows, static_cast<std::size_t>(count),
                    static_cast<std::size_t>(count));
}

// Holds one column for every undetermined direction, columns rank … columns-1 of v: by elimination,
// the one with the largest share each time. The others are then independent, and what the data say
// of a determined one does not depend on which were held.
void hold_one_each(double *v, int columns, const int *index, Rank &out) {
  for (int k = out.rank; k < columns; ++k) {
    int most = 0;
    for (int a = 1; a < columns; ++a)
      if (std::abs(v[a * columns + k]) > std::abs(v[most * columns + k]))
        most = a;
    out.undetermined[index[most]] = out.held[index[most]] = true;
    for (int l = k + 1; l < columns; ++l) {
      const double factor = v[most * columns + l] / v[most * columns + k];
      for (int a = 0; a < columns; ++a)
        v[a * columns + l] -= factor * v[a * columns + k];
    }
  }
}

void multiply(const double *x, const double *y, std::size_t n, double *out) {
  for (std::size_t i = 0; i < n; ++i)
    out[i] = x[i] * y[i];
}

// Of the residuals' column by a parameter, over some rows.
double length_at(const Problem::Rows &part, int parameter) {
  const double *jacobian = part.jacobian + static_cast<std::size_t>(parameter) * B;
  double sum = 0;
  for (std::size_t i = 0; i < part.n; ++i) {
    const double root = part.weight ? std::sqrt(part.weight[i]) : 1.0;
    sum = std::hypot(sum, root * part.h1[i] * jacobian[i]);
  }
  return sum;
}

} // namespace

Information::Information(const Problem &problem, const double *theta,
                         const std::vector<bool> &at_bound, const std::vector<int> &order,
                         Cancel &cancel)
    : parameters(problem.parameters()),
      undetermined(static_cast<std::size_t>(problem.parameters())), noise(problem.noise()),
      rounding(16 * std::numeric_limits<double>::epsilon() * problem.scale() *
               std::sqrt(static_cast<double>(problem.rows()))),
      rows(static_cast<double>(problem.rows())), loss(problem.options().loss) {
  for (const int i : order) {
    reach[i] = std::fmax(std::abs(theta[i]), 1.0);
    if (at_bound[static_cast<std::size_t>(i)])
      bound.push_back({i, 0});
    else
      free[count++] = i;
  }
  const auto columns = static_cast<std::size_t>(std::max(1, count));
  std::vector<double> block(columns * B), weights(B);
  double curvature[P * P] = {};
  Problem::Workspace work(problem, Coordinates::natural);
  problem.visit_rows(theta, B, B, work, cancel, [&](const Problem::Rows &part) {
    const auto column = [&](int a) { return block.data() + static_cast<std::size_t>(a) * B; };
    for (int a = 0; a < count; ++a)
      multiply(part.h1, part.jacobian + static_cast<std::size_t>(free[a]) * B, part.n, column(a));
    for (AtBound &one : bound)
      one.length = std::hypot(one.length, length_at(part, one.parameter));
    multiply(part.score, part.score, part.n, weights.data());
    simd::add_gram(block.data(), B, count, weights.data(), part.n, meat);
    for (std::size_t i = 0; i < part.n; ++i) {
      const double w = part.weight ? part.weight[i] : 1.0, r = part.residual[i];
      weights[i] = r == 0 ? w : part.score[i] / r;
      at.objective += 0.5 * part.score[i] * r; // of a squared loss
      if (is_robust())
        sizes.push_back(std::abs(r));
    }
    simd::add_gram(block.data(), B, count, weights.data(), part.n, curvature);
    for (int a = 0; part.weight && a < count; ++a)
      for (std::size_t i = 0; i < part.n; ++i)
        column(a)[i] *= std::sqrt(part.weight[i]);
    linalg::qr_append(triangle, count, block.data(), part.n, B);
  });
  measure();
  spread(curvature, at.gauss_newton);
}

// From the lower triangle over `free` to a matrix over all parameters; that of others is not read.
void Information::spread(const double *from, double *to) const {
  for (int a = 0; a < count; ++a)
    for (int b = 0; b <= a; ++b)
      to[free[a] * parameters + free[b]] = to[free[b] * parameters + free[a]] = from[a * count + b];
}

Band::Band(std::vector<double> sizes, double delta) {
  const auto n = static_cast<double>(sizes.size());
  const auto inner =
      std::min(sizes.size(), static_cast<std::size_t>(std::ceil(band_factor * std::pow(n, 0.8))));
  const auto last = sizes.begin() + static_cast<std::ptrdiff_t>(inner - 1);
  std::nth_element(sizes.begin(), last, sizes.end());
  m = static_cast<double>(inner);
  h = *last;
  share = h > delta ? delta / h : 0;
}

void Information::smooth(const Problem &problem, const double *theta, const Band &band, int p,
                         Cancel &cancel) {
  Problem::Workspace work(problem, Coordinates::natural);
  if (!(band.share > 0)) {
    problem.evaluate(theta, 2, at, work, cancel);
    return;
  }
  const double factor = band.share * std::fmax(band.m - p, 1.0) / band.m;
  std::vector<double> weights(B);
  double sum[P * P] = {};
  problem.visit_rows(theta, B, B, work, cancel, [&](const Problem::Rows &part) {
    for (std::size_t i = 0; i < part.n; ++i) {
      const double w = part.weight ? part.weight[i] : 1.0;
      const bool inside = std::abs(part.residual[i]) <= band.h;
      weights[i] = inside ? w * factor * part.h1[i] * part.h1[i] : 0.0;
    }
    simd::add_gram(part.jacobian, B, parameters, weights.data(), part.n, sum);
  });
  for (int i = 0; i < parameters; ++i)
    for (int j = 0; j <= i; ++j)
      at.hessian[i * parameters + j] = at.hessian[j * parameters + i] = sum[i * parameters + j];
}

void Information::measure() {
  for (int a = 0; a < count; ++a) {
    double sum = 0;
    for (int i = 0; i <= a; ++i)
      sum += triangle[i * count + a] * triangle[i * count + a];
    length[a] = std::sqrt(sum);
  }
}

// By the singular values of R with its columns scaled to length 1. A parameter whose reach moves
// the predictions by less than rounding has no column.
Rank Information::rank(int leading) const {
  Rank out;
  int columns = 0, index[P];
  for (int a = 0; a < leading; ++a)
    if (length[a] * reach[free[a]] > rounding)
      index[columns++] = a;
    else
      out.undetermined[a] = out.held[a] = true;
  double square[P * P], s[P], v[P * P];
  narrow(triangle, count, index, columns, length, square);
  linalg::svd(square, columns, s, v);
  const double least = std::fmax(rank_tolerance, noise_tolerance * noise) * s[0];
  while (out.rank < columns && s[out.rank] > least)
    ++out.rank;
  for (int k = out.rank; k < columns; ++k)
    for (int a = 0; a < columns; ++a)
      if (std::abs(v[a * columns + k]) > share_tolerance)
        out.undetermined[index[a]] = true;
  if (out.rank < leading)
    out.condition = std::numeric_limits<double>::infinity();
  else if (columns > 0)
    out.condition = s[0] / s[columns - 1];
  hold_one_each(v, columns, index, out);
  return out;
}

void Information::keep(const bool *held) {
  int kept = 0, index[P];
  for (int a = 0; a < count; ++a)
    if (!held[a])
      index[kept++] = a;
  if (kept == count)
    return;
  double square[P * P];
  narrow(triangle, count, index, kept, nullptr, square);
  for (int a = 0; a < kept; ++a)
    for (int b = 0; b <= a; ++b)
      meat[a * kept + b] = meat[index[a] * count + index[b]];
  std::copy_n(square, kept * kept, triangle);
  for (int a = 0; a < kept; ++a)
    free[a] = free[index[a]];
  count = kept;
  measure();
}

} // namespace lawfit
