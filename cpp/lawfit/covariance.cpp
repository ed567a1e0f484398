#include "lawfit/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "lawfit/information.hpp"

namespace lawfit {
namespace {

constexpr int P = max_parameters;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class Estimator {
public:
  explicit Estimator(Information &&information) : in_(std::move(information)), p_(in_.parameters) {
    out_.matrix.assign(static_cast<std::size_t>(p_ * p_), nan);
    out_.undetermined = in_.undetermined;
  }

  Covariance run() {
    const Rank found = in_.rank(in_.count);
    for (int a = 0; a < in_.count; ++a)
      if (found.undetermined[a])
        mark(in_.free[a]);
    // What has no effect is not held by its bound.
    for (const auto &[parameter, length] : in_.bound)
      if (length * in_.reach[parameter] <= in_.rounding)
        mark(parameter);
    out_.rank = found.rank;
    out_.condition = found.condition;
    in_.keep(found.held);
    fill();
    blank_undetermined();
    return std::move(out_);
  }

private:
  void mark(int parameter) { out_.undetermined[static_cast<std::size_t>(parameter)] = true; }

  void blank_undetermined() {
    for (int i = 0; i < p_; ++i)
      for (int j = 0; j < p_; ++j)
        if (out_.undetermined[static_cast<std::size_t>(i)] ||
            out_.undetermined[static_cast<std::size_t>(j)])
          out_.matrix[static_cast<std::size_t>(i * p_ + j)] = i == j ? infinity : nan;
  }

  void fill() {
    const double freedom = in_.rows - in_.eliminated - in_.count;
    if (in_.count == 0)
      return;
    if (in_.loss == Loss::binomial) {
      classical(1);
      return;
    }
    if (in_.loss == Loss::squared) {
      out_.objective = in_.at.objective;
      classical(2 * out_.objective / freedom);
    } else {
      sandwich(in_.rows / freedom);
    }
    if (freedom <= 0)
      for (int a = 0; a < in_.count; ++a)
        for (int b = 0; b < in_.count; ++b)
          entry(a, b) = a == b ? infinity : nan;
  }

  double &entry(int a, int b) {
    return out_.matrix[static_cast<std::size_t>(in_.free[a] * p_ + in_.free[b])];
  }

  // factor·(RᵀR)⁻¹ by back substitution: column b of R⁻¹ solves R x = e_b.
  void classical(double factor) {
    const int count = in_.count;
    double inverse[P * P] = {};
    for (int b = 0; b < count; ++b)
      for (int i = b; i >= 0; --i) {
        double sum = i == b;
        for (int k = i + 1; k <= b; ++k)
          sum -= in_.triangle[i * count + k] * inverse[k * count + b];
        inverse[i * count + b] = sum / in_.triangle[i * count + i];
      }
    for (int a = 0; a < count; ++a)
      for (int b = 0; b < count; ++b) {
        double sum = 0;
        for (int k = std::max(a, b); k < count; ++k)
          sum += inverse[a * count + k] * inverse[b * count + k];
        entry(a, b) = factor * sum;
      }
  }

  // Columns are scaled by the root of the matrix's diagonal before it is factorised.
  bool factorise(const double *matrix, double *factor, double *scale) const {
    const int count = in_.count;
    for (int a = 0; a < count; ++a) {
      scale[a] = std::sqrt(matrix[in_.free[a] * p_ + in_.free[a]]);
      if (!(scale[a] > 0))
        return false;
      for (int b = 0; b <= a; ++b)
        factor[a * count + b] = matrix[in_.free[a] * p_ + in_.free[b]] / (scale[a] * scale[b]);
    }
    return linalg::cholesky(factor, count, count);
  }

  void sandwich(double factor) {
    const int count = in_.count;
    double bread[P * P], scale[P];
    out_.from_hessian = factorise(in_.at.hessian, bread, scale);
    if (!out_.from_hessian && !factorise(in_.at.gauss_newton, bread, scale)) {
      for (int a = 0; a < count; ++a)
        entry(a, a) = infinity;
      return;
    }
    // X = H⁻¹·meat, column by column; then H⁻¹·Xᵀ.
    double half[P * P], column[P];
    const auto solve = [&](double *x) {
      for (int a = 0; a < count; ++a)
        x[a] /= scale[a];
      linalg::cholesky_solve(bread, count, count, x);
      for (int a = 0; a < count; ++a)
        x[a] /= scale[a];
    };
    for (int b = 0; b < count; ++b) {
      for (int a = 0; a < count; ++a)
        column[a] = in_.meat[std::max(a, b) * count + std::min(a, b)];
      solve(column);
      for (int a = 0; a < count; ++a)
        half[a * count + b] = column[a];
    }
    for (int a = 0; a < count; ++a) {
      std::copy_n(half + a * count, count, column);
      solve(column);
      for (int b = 0; b <= a; ++b)
        entry(a, b) = entry(b, a) = factor * column[b];
    }
  }

  Information in_;
  int p_;
  Covariance out_;
};

} // namespace

Status Covariance::status(Status search) const {
  const bool lost = std::find(undetermined.begin(), undetermined.end(), true) != undetermined.end();
  return lost && is_success(search) ? Status::rank_deficient : search;
}

void Covariance::rescale(double better) {
  if (!(objective > 0))
    return;
  for (double &entry : matrix)
    if (std::isfinite(entry)) // what is not known stays so, though the objective be 0
      entry *= better / objective;
  objective = better;
}

Covariance conclude(Information information) { return Estimator(std::move(information)).run(); }

Covariance covariance(const Problem &problem, const double *theta,
                      const std::vector<bool> &at_bound, Cancel &cancel) {
  std::vector<int> order(static_cast<std::size_t>(problem.parameters()));
  std::iota(order.begin(), order.end(), 0);
  Information information(problem, theta, at_bound, order, cancel);
  if (information.is_robust()) {
    const Band band(std::move(information.sizes), problem.options().delta);
    const Rank found = information.rank(information.count);
    information.smooth(problem, theta, band, found.rank, cancel);
  }
  return conclude(std::move(information));
}

} // namespace lawfit
