#include "lawfit/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
constexpr int P = max_parameters;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// A singular value this small, among columns of length 1, is rounding.
constexpr double rank_tolerance = 1e-11;
// A parameter takes part in an undetermined direction when its share there is at least this.
constexpr double share_tolerance = 1e-3;

// Bofinger's share of the residuals, 2·(4.5·φ(0)⁴)^(1/5)·n^(−1/5).
constexpr double band_factor = 1.295;

// How far a parameter may be thought to move: its value, or a unit where that is less.
double reach(double theta) { return std::fmax(std::abs(theta), 1.0); }

class Estimator {
public:
  Estimator(const Problem &problem, const double *theta, const std::vector<bool> &at_bound,
            Cancel &cancel)
      : problem_(problem), theta_(theta), cancel_(cancel), work_(problem, Coordinates::natural),
        p_(problem.parameters()) {
    for (int i = 0; i < p_; ++i)
      if (at_bound[static_cast<std::size_t>(i)])
        bound_.push_back({i, 0});
      else
        free_[count_++] = i;
    out_.matrix.assign(static_cast<std::size_t>(p_ * p_), nan);
    out_.undetermined.assign(static_cast<std::size_t>(p_), false);
  }

  Covariance run() {
    read_rows();
    find_rank();
    keep_independent();
    fill();
    blank_undetermined();
    return std::move(out_);
  }

private:
  // R of the weighted Jacobian of residuals, and Σ ψ²jjᵀ; of what is at a bound the column's
  // length.
  void read_rows() {
    std::vector<double> block(static_cast<std::size_t>(std::max(1, count_)) * B);
    problem_.visit_rows(theta_, B, B, work_, cancel_, [&](const Problem::Rows &rows) {
      for (std::size_t i = 0; i < rows.n; ++i) {
        const double root = rows.weight ? std::sqrt(rows.weight[i]) : 1.0;
        for (int a = 0; a < count_; ++a)
          block[static_cast<std::size_t>(a) * B + i] =
              rows.h1[i] * rows.jacobian[static_cast<std::size_t>(free_[a]) * B + i];
        for (AtBound &bound : bound_)
          bound.length = std::hypot(
              bound.length,
              root * rows.h1[i] * rows.jacobian[static_cast<std::size_t>(bound.parameter) * B + i]);
        const double score = rows.score[i] * rows.score[i];
        for (int a = 0; a < count_; ++a)
          for (int b = 0; b <= a; ++b)
            meat_[a * count_ + b] += score * block[static_cast<std::size_t>(a) * B + i] *
                                     block[static_cast<std::size_t>(b) * B + i];
        for (int a = 0; a < count_; ++a)
          block[static_cast<std::size_t>(a) * B + i] *= root;
      }
      linalg::qr_append(r_, count_, block.data(), rows.n, B);
    });
  }

  double norm(int a) const {
    double sum = 0;
    for (int i = 0; i <= a; ++i)
      sum += r_[i * count_ + a] * r_[i * count_ + a];
    return std::sqrt(sum);
  }

  // Singular values of R with its columns scaled to length 1. A parameter whose reach moves
  // the predictions by less than rounding has no column.
  void find_rank() {
    const double rounding = 16 * std::numeric_limits<double>::epsilon() * problem_.scale() *
                            std::sqrt(static_cast<double>(problem_.rows()));
    int columns = 0, index[P];
    for (int a = 0; a < count_; ++a)
      if (norm(a) * reach(theta_[free_[a]]) > rounding)
        index[columns++] = a;
      else
        hold(a);
    // What has no effect is not held by its bound.
    for (const auto &[parameter, length] : bound_)
      if (length * reach(theta_[parameter]) <= rounding)
        mark(parameter);
    std::vector<double> scaled(static_cast<std::size_t>(columns * columns)), v(scaled), s(v);
    // The triangle of the columns kept, brought back to a square by another factorisation.
    double square[P * P] = {}, rows[P * P];
    for (int a = 0; a < columns; ++a)
      for (int i = 0; i < count_; ++i)
        rows[a * count_ + i] = i <= index[a] ? r_[i * count_ + index[a]] / norm(index[a]) : 0.0;
    linalg::qr_append(square, columns, rows, static_cast<std::size_t>(count_),
                      static_cast<std::size_t>(count_));
    linalg::svd(square, columns, s.data(), v.data());
    while (out_.rank < columns && s[static_cast<std::size_t>(out_.rank)] > rank_tolerance * s[0])
      ++out_.rank;
    for (int k = out_.rank; k < columns; ++k)
      for (int a = 0; a < columns; ++a)
        if (std::abs(v[static_cast<std::size_t>(a * columns + k)]) > share_tolerance)
          mark(free_[index[a]]);
    hold_one_each(v.data(), columns, index);
    out_.condition = out_.rank < count_ ? infinity
                     : columns > 0      ? s[0] / s[static_cast<std::size_t>(columns - 1)]
                                        : 1;
  }

  void mark(int parameter) { out_.undetermined[static_cast<std::size_t>(parameter)] = true; }

  void hold(int a) {
    mark(free_[a]);
    held_[a] = true;
  }

  // Holds one parameter for every undetermined direction, columns rank … columns-1 of v: by
  // elimination, the one with the largest share each time. The others are then independent, and
  // what the data say of a determined one does not depend on which were held.
  void hold_one_each(double *v, int columns, const int *index) {
    for (int k = out_.rank; k < columns; ++k) {
      int most = 0;
      for (int a = 1; a < columns; ++a)
        if (std::abs(v[a * columns + k]) > std::abs(v[most * columns + k]))
          most = a;
      hold(index[most]);
      for (int l = k + 1; l < columns; ++l) {
        const double factor = v[most * columns + l] / v[most * columns + k];
        for (int a = 0; a < columns; ++a)
          v[a * columns + l] -= factor * v[a * columns + k];
      }
    }
  }

  // Narrows free_, r_ and meat_ to the parameters not held; the rest of the work is theirs.
  void keep_independent() {
    int kept = 0, index[P];
    for (int a = 0; a < count_; ++a)
      if (!held_[a])
        index[kept++] = a;
    if (kept == count_)
      return;
    double square[P * P] = {}, rows[P * P];
    for (int a = 0; a < kept; ++a)
      for (int i = 0; i < count_; ++i)
        rows[a * count_ + i] = i <= index[a] ? r_[i * count_ + index[a]] : 0.0;
    linalg::qr_append(square, kept, rows, static_cast<std::size_t>(count_),
                      static_cast<std::size_t>(count_));
    for (int a = 0; a < kept; ++a)
      for (int b = 0; b <= a; ++b)
        meat_[a * kept + b] = meat_[index[a] * count_ + index[b]];
    std::copy(square, square + kept * kept, r_);
    for (int a = 0; a < kept; ++a)
      free_[a] = free_[index[a]];
    count_ = kept;
  }

  void blank_undetermined() {
    for (std::vector<double> *matrix : {&out_.matrix, &out_.smoothed})
      for (int i = 0; i < p_ && !matrix->empty(); ++i)
        for (int j = 0; j < p_; ++j)
          if (out_.undetermined[static_cast<std::size_t>(i)] ||
              out_.undetermined[static_cast<std::size_t>(j)])
            (*matrix)[static_cast<std::size_t>(i * p_ + j)] = i == j ? infinity : nan;
  }

  void fill() {
    const double freedom = static_cast<double>(problem_.rows()) - count_;
    if (count_ == 0)
      return;
    if (problem_.options().loss == Loss::binomial) {
      classical(1);
      return;
    }
    // Entries by a parameter at its bound may be infinite; they are not read.
    problem_.evaluate(theta_, 2, *at_, work_, cancel_);
    const bool squared = problem_.options().loss == Loss::squared;
    squared ? classical(2 * at_->objective / freedom)
            : robust(static_cast<double>(problem_.rows()) / freedom);
    if (freedom <= 0) {
      blank(out_.matrix);
      out_.smoothed.clear();
    }
  }

  std::size_t at(int a, int b) const { return static_cast<std::size_t>(free_[a] * p_ + free_[b]); }

  double &entry(int a, int b) { return out_.matrix[at(a, b)]; }

  void blank(std::vector<double> &matrix) const {
    for (int a = 0; a < count_; ++a)
      for (int b = 0; b < count_; ++b)
        matrix[at(a, b)] = a == b ? infinity : nan;
  }

  // factor·(RᵀR)⁻¹ by back substitution: column b of R⁻¹ solves R x = e_b.
  void classical(double factor) {
    double inverse[P * P] = {};
    for (int b = 0; b < count_; ++b)
      for (int i = b; i >= 0; --i) {
        double sum = i == b;
        for (int k = i + 1; k <= b; ++k)
          sum -= r_[i * count_ + k] * inverse[k * count_ + b];
        inverse[i * count_ + b] = sum / r_[i * count_ + i];
      }
    for (int a = 0; a < count_; ++a)
      for (int b = 0; b < count_; ++b) {
        double sum = 0;
        for (int k = std::max(a, b); k < count_; ++k)
          sum += inverse[a * count_ + k] * inverse[b * count_ + k];
        entry(a, b) = factor * sum;
      }
  }

  // Columns are scaled by the root of the matrix's diagonal before it is factorised.
  bool factorise(const double *matrix, double *factor, double *scale) const {
    for (int a = 0; a < count_; ++a) {
      scale[a] = std::sqrt(matrix[free_[a] * p_ + free_[a]]);
      if (!(scale[a] > 0))
        return false;
      for (int b = 0; b <= a; ++b)
        factor[a * count_ + b] = matrix[free_[a] * p_ + free_[b]] / (scale[a] * scale[b]);
    }
    return linalg::cholesky(factor, count_, count_);
  }

  void robust(double factor) {
    out_.from_hessian = sandwich(at_->hessian, factor, out_.matrix);
    if (!out_.from_hessian && !sandwich(at_->gauss_newton, factor, out_.matrix))
      blank(out_.matrix);
    if (!smooth_hessian(at_->hessian))
      return;
    out_.smoothed.assign(out_.matrix.size(), nan);
    if (!sandwich(at_->hessian, factor, out_.smoothed))
      blank(out_.smoothed);
  }

  // Replaces the Hessian by Covariance::smoothed's, of the parameters not held. False where delta
  // is wide enough for the Hessian itself.
  bool smooth_hessian(double *hessian) {
    const std::size_t n = problem_.rows();
    std::vector<double> sizes(n);
    problem_.visit_rows(theta_, B, B, work_, cancel_, [&](const Problem::Rows &rows) {
      for (std::size_t i = 0; i < rows.n; ++i)
        sizes[rows.first + i] = std::abs(rows.residual[i]);
    });
    const double count = static_cast<double>(n), share = band_factor * std::pow(count, -0.2);
    const auto m = std::min(n, static_cast<std::size_t>(std::ceil(share * count)));
    const auto last = sizes.begin() + static_cast<std::ptrdiff_t>(m - 1);
    std::nth_element(sizes.begin(), last, sizes.end());
    const double h = *last, delta = problem_.options().delta;
    if (!(h > delta))
      return false;
    const double inner = static_cast<double>(m), kept = std::fmax(inner - count_, 1.0) / inner;
    for (int a = 0; a < count_; ++a)
      for (int b = 0; b < count_; ++b)
        hessian[at(a, b)] = 0;
    problem_.visit_rows(theta_, B, B, work_, cancel_, [&](const Problem::Rows &rows) {
      for (std::size_t i = 0; i < rows.n; ++i) {
        if (!(std::abs(rows.residual[i]) <= h))
          continue;
        const double w = rows.weight ? rows.weight[i] : 1.0;
        const double scale = w * kept * delta / h * rows.h1[i] * rows.h1[i];
        const auto j = [&](int a) {
          return rows.jacobian[static_cast<std::size_t>(free_[a]) * B + i];
        };
        for (int a = 0; a < count_; ++a)
          for (int b = 0; b < count_; ++b)
            hessian[at(a, b)] += scale * j(a) * j(b);
      }
    });
    return true;
  }

  // factor·H⁻¹·meat·H⁻¹ into the result; false where H is not positive definite.
  bool sandwich(const double *hessian, double factor, std::vector<double> &result) const {
    double bread[P * P], scale[P];
    if (!factorise(hessian, bread, scale))
      return false;
    // X = H⁻¹·meat, column by column; then H⁻¹·Xᵀ.
    double half[P * P], column[P];
    const auto solve = [&](double *x) {
      for (int a = 0; a < count_; ++a)
        x[a] /= scale[a];
      linalg::cholesky_solve(bread, count_, count_, x);
      for (int a = 0; a < count_; ++a)
        x[a] /= scale[a];
    };
    for (int b = 0; b < count_; ++b) {
      for (int a = 0; a < count_; ++a)
        column[a] = meat_[std::max(a, b) * count_ + std::min(a, b)];
      solve(column);
      for (int a = 0; a < count_; ++a)
        half[a * count_ + b] = column[a];
    }
    for (int a = 0; a < count_; ++a) {
      std::copy_n(half + a * count_, count_, column);
      solve(column);
      for (int b = 0; b <= a; ++b)
        result[at(a, b)] = result[at(b, a)] = factor * column[b];
    }
    return true;
  }

  const Problem &problem_;
  const double *theta_;
  Cancel &cancel_;
  Problem::Workspace work_;
  struct AtBound {
    int parameter;
    double length; // of its column
  };
  std::vector<AtBound> bound_;
  int p_, count_ = 0, free_[P];
  bool held_[P] = {};
  double r_[P * P] = {}, meat_[P * P] = {};
  std::unique_ptr<Evaluation> at_ = std::make_unique<Evaluation>();
  Covariance out_;
};

} // namespace

Covariance covariance(const Problem &problem, const double *theta,
                      const std::vector<bool> &at_bound, Cancel &cancel) {
  return Estimator(problem, theta, at_bound, cancel).run();
}

} // namespace lawfit
