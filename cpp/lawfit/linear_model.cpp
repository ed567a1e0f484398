#include "lawfit/linear_model.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr int P = max_parameters;
constexpr int most_steps = 20;
// The model is not the objective: what is gained beyond this share of it means nothing.
constexpr double enough = 1e-8;
constexpr double first_damping = 1e-2, most_damping = 1e6;

} // namespace

struct LinearModel::Point {
  double gradient[P], hessian[P * P]; // the lower triangle
};

LinearModel::LinearModel(const Problem &largest)
    : p_(largest.parameters()), loss_(largest.options().loss), delta_(largest.options().delta) {
  const auto p = static_cast<std::size_t>(p_);
  residual_.reserve(largest.rows());
  weight_.reserve(largest.rows());
  jacobian_.reserve(largest.rows() * p);
  bend_.resize(p * p);
  diagonal_.resize(p);
}

LinearModel::Workspace::Workspace(const Problem &largest)
    : weight(largest.rows()), residual(weight), trial(weight), score(weight), rest(weight),
      curvature(weight) {}

bool LinearModel::describe(const Problem &problem, const double *theta, const Evaluation &at,
                           Problem::Workspace &work, Cancel &cancel) {
  if (loss_ == Loss::binomial)
    return false;
  const auto p = static_cast<std::size_t>(p_);
  rows_ = problem.rows();
  residual_.resize(rows_);
  weight_.assign(rows_, 1.0);
  jacobian_.resize(rows_ * p);
  // C is the Hessian less its part Σ w·rho''·∂r∂rᵀ.
  std::copy_n(at.hessian, p * p, bend_.data());
  problem.visit_rows(
      theta, block_rows, block_rows, work, cancel, [&](const Problem::Rows &rows) {
        std::copy_n(rows.residual, rows.n, residual_.data() + rows.first);
        if (rows.weight)
          std::copy_n(rows.weight, rows.n, weight_.data() + rows.first);
        for (std::size_t k = 0; k < p; ++k)
          for (std::size_t i = 0; i < rows.n; ++i)
            jacobian_[k * rows_ + rows.first + i] =
                rows.h1[i] * rows.jacobian[k * block_rows + i];
        double straight[P * P] = {}, curvature[block_rows];
        for (std::size_t i = 0; i < rows.n; ++i)
          curvature[i] = weight_[rows.first + i] * second(rows.residual[i]);
        simd::add_gram(jacobian_.data() + rows.first, rows_, p_, curvature, rows.n, straight);
        for (std::size_t i = 0; i < p; ++i)
          for (std::size_t j = 0; j <= i; ++j)
            bend_[i * p + j] -= straight[i * p + j];
      });
  for (std::size_t i = 0; i < p; ++i) {
    diagonal_[i] = at.gauss_newton[i * p + i];
    for (std::size_t j = 0; j < i; ++j)
      bend_[j * p + i] = bend_[i * p + j];
  }
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(jacobian_.begin(), jacobian_.end(), finite) &&
         std::all_of(bend_.begin(), bend_.end(), finite);
}

double LinearModel::second(double residual) const {
  switch (loss_) {
  case Loss::squared:
    return 1;
  case Loss::huber:
    return rho<Loss::huber>(residual, delta_).d2;
  default:
    return rho<Loss::soft_l1>(residual, delta_).d2;
  }
}

// Scores w·rho' and curvatures w·rho''; returns Σ w·rho, as Σ score·rest.
template <Loss loss> double LinearModel::weigh(const double *residual, Workspace &work) const {
  const double delta = delta_, *w = work.weight.data();
  double *score = work.score.data(), *rest = work.rest.data(), *curvature = work.curvature.data();
  for (std::size_t i = 0; i < rows_; ++i) {
    const double r = residual[i];
    if (loss == Loss::huber) { // as rho<Loss::huber> has it, without a branch
      const double low = r < -delta ? -delta : r, psi = low > delta ? delta : low;
      score[i] = w[i] * psi;
      rest[i] = r - 0.5 * psi;
      curvature[i] = psi == r ? w[i] : 0;
    } else {
      const Rho cost = rho<loss>(r, delta);
      score[i] = w[i] * cost.d1;
      rest[i] = cost.d1 == 0 ? 0 : cost.rho / cost.d1;
      curvature[i] = w[i] * cost.d2;
    }
  }
  double sum = 0;
  simd::add_product(score, rows_, 1, rest, rows_, &sum);
  return sum;
}

double LinearModel::weigh(const double *residual, Workspace &work) const {
  switch (loss_) {
  case Loss::squared:
    return weigh<Loss::squared>(residual, work);
  case Loss::huber:
    return weigh<Loss::huber>(residual, work);
  default:
    return weigh<Loss::soft_l1>(residual, work);
  }
}

// dᵀ(C + damping·D)·d/2
double LinearModel::bent(const double *d, double damping) const {
  const auto p = static_cast<std::size_t>(p_);
  double sum = 0;
  for (std::size_t i = 0; i < p; ++i) {
    sum += 0.5 * damping * diagonal_[i] * d[i] * d[i];
    for (std::size_t j = 0; j < p; ++j)
      sum += 0.5 * d[i] * bend_[i * p + j] * d[j];
  }
  return sum;
}

// out = residual + J·s
void LinearModel::shift(const double *residual, const double *s, double *out) const {
  std::copy_n(residual, rows_, out);
  for (int k = 0; k < p_; ++k) {
    const double *column = jacobian_.data() + static_cast<std::size_t>(k) * rows_, by = s[k];
    if (by != 0)
      for (std::size_t i = 0; i < rows_; ++i)
        out[i] += by * column[i];
  }
}

void LinearModel::differentiate(const double *d, double damping, const Workspace &work,
                                Point &at) const {
  const auto p = static_cast<std::size_t>(p_);
  std::copy(bend_.begin(), bend_.end(), at.hessian);
  for (std::size_t i = 0; i < p; ++i) {
    at.hessian[i * p + i] += damping * diagonal_[i];
    at.gradient[i] = damping * diagonal_[i] * d[i];
    for (std::size_t j = 0; j < p; ++j)
      at.gradient[i] += bend_[i * p + j] * d[j];
  }
  simd::add_product(jacobian_.data(), rows_, p_, work.score.data(), rows_, at.gradient);
  simd::add_gram(jacobian_.data(), rows_, p_, work.curvature.data(), rows_, at.hessian);
}

// (H + damping·D) s = -g over the free parameters. Returns half of -gᵀs, or a negative number where
// the matrix is not positive definite.
double LinearModel::find_step(const Point &at, const unsigned char *free, double damping,
                              double *s) const {
  double factor[P * P], x[P], promised = 0;
  int index[P], count = 0;
  for (int i = 0; i < p_; ++i) {
    s[i] = 0;
    if (free[i])
      index[count++] = i;
  }
  for (int a = 0; a < count; ++a) {
    x[a] = -at.gradient[index[a]];
    for (int b = 0; b <= a; ++b)
      factor[a * count + b] = at.hessian[index[a] * p_ + index[b]];
    factor[a * count + a] += damping * diagonal_[static_cast<std::size_t>(index[a])];
  }
  if (!linalg::cholesky(factor, count, count))
    return -1;
  linalg::cholesky_solve(factor, count, count, x);
  for (int a = 0; a < count; ++a) {
    s[index[a]] = x[a];
    promised -= 0.5 * x[a] * at.gradient[index[a]];
  }
  return promised;
}

void LinearModel::minimise(const std::uint32_t *times, const unsigned char *free, double damping,
                           double *d, Workspace &work) const {
  std::fill_n(d, p_, 0.0);
  for (std::size_t i = 0; i < rows_; ++i)
    work.weight[i] = times ? times[i] * weight_[i] : weight_[i];
  std::copy(residual_.begin(), residual_.end(), work.residual.begin());
  double now = weigh(work.residual.data(), work), careful = 0;
  Point at;
  differentiate(d, damping, work, at);
  for (int step = 0; step < most_steps && careful < most_damping; ++step) {
    double s[P], to[P];
    const double promised = find_step(at, free, careful, s);
    if (promised < 0) {
      careful = std::fmax(10 * careful, first_damping);
      continue;
    }
    shift(work.residual.data(), s, work.trial.data());
    for (int i = 0; i < p_; ++i)
      to[i] = d[i] + s[i];
    const double next = weigh(work.trial.data(), work) + bent(to, damping);
    if (next < now) {
      std::copy_n(to, p_, d);
      now = next;
    }
    if (promised <= enough * now)
      return;
    if (next > now) {
      careful = std::fmax(10 * careful, first_damping);
      continue;
    }
    work.residual.swap(work.trial);
    careful = careful > 2 * first_damping ? 0.1 * careful : 0;
    differentiate(d, damping, work, at);
  }
}

} // namespace lawfit
