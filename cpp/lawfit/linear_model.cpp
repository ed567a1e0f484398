#include "lawfit/linear_model.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr int P = max_parameters;
constexpr int most_steps = 20;
// The model is not the objective: what is gained beyond this share of it means nothing.
constexpr double enough = 1e-5;
constexpr double first_damping = 1e-2, most_damping = 1e6;

} // namespace

struct LinearModel::Point {
  double gradient[P], hessian[P * P]; // the lower triangle
};

LinearModel::LinearModel(const Problem &largest)
    : p_(largest.parameters()),
      weighing_{largest.options().loss, largest.options().delta, false, 0, 0, 0} {
  const auto p = static_cast<std::size_t>(p_);
  weight_.reserve(largest.rows());
  residual_.reserve(simd::whole_parts(largest.rows()));
  jacobian_.reserve(simd::whole_parts(largest.rows()) * p);
  bend_.resize(p * p);
  diagonal_.resize(p);
}

LinearModel::Workspace::Workspace(const Problem &largest)
    : weight(simd::whole_parts(largest.rows())), residual(weight), trial(weight), score(weight),
      weighed(weight), curvature(weight), zero(weight),
      jacobian(weight.size() * static_cast<std::size_t>(largest.parameters())),
      kept(largest.rows() + 1) {}

bool LinearModel::describe(const Problem &problem, const double *theta, const Evaluation &at,
                           Problem::Workspace &work, Cancel &cancel, Workspace &own) {
  if (weighing_.loss == Loss::binomial)
    return false;
  const auto p = static_cast<std::size_t>(p_);
  rows_ = problem.rows();
  stride_ = simd::whole_parts(rows_);
  weight_.assign(rows_, 1.0);
  residual_.assign(stride_, 0.0);
  jacobian_.assign(stride_ * p, 0.0);
  problem.visit_rows(theta, block_rows, block_rows, work, cancel, [&](const Problem::Rows &rows) {
    std::copy_n(rows.residual, rows.n, residual_.data() + rows.first);
    if (rows.weight)
      std::copy_n(rows.weight, rows.n, weight_.data() + rows.first);
    for (std::size_t k = 0; k < p; ++k)
      for (std::size_t i = 0; i < rows.n; ++i)
        jacobian_[k * stride_ + rows.first + i] = rows.h1[i] * rows.jacobian[k * block_rows + i];
  });
  // C is the Hessian less its part Σ w·rho''·∂r∂rᵀ.
  own.rows = rows_;
  std::copy(weight_.begin(), weight_.end(), own.weight.begin());
  weigh(residual_, own);
  std::fill(bend_.begin(), bend_.end(), 0.0);
  simd::add_gram(jacobian_.data(), stride_, p_, own.curvature.data(), rows_, bend_.data());
  for (std::size_t i = 0; i < p; ++i) {
    diagonal_[i] = at.gauss_newton[i * p + i];
    for (std::size_t j = 0; j <= i; ++j)
      bend_[j * p + i] = bend_[i * p + j] = at.hessian[i * p + j] - bend_[i * p + j];
  }
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(jacobian_.begin(), jacobian_.end(), finite) &&
         std::all_of(bend_.begin(), bend_.end(), finite);
}

// Scores w·rho' and curvatures w·rho''; returns Σ w·rho.
double LinearModel::weigh(const std::vector<double> &residual, Workspace &work) const {
  // A residual is a value whose target is 0.
  return simd::weigh(
      weighing_, simd::WeighFor::sums, residual.data(), work.zero.data(), work.weight.data(),
      work.rows,
      {work.score.data(), work.weighed.data(), work.curvature.data(), nullptr, nullptr, nullptr});
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

// The rows that count, one after the other.
void LinearModel::take_rows(const std::uint32_t *times, Workspace &work) const {
  std::size_t n = 0;
  for (std::size_t i = 0; i < rows_; ++i) {
    const std::uint32_t count = times ? times[i] : 1;
    work.kept[n] = i;
    work.weight[n] = count * weight_[i];
    n += count > 0;
  }
  work.rows = n;
  gather(residual_, work.kept.data(), n, work.residual);
  for (std::size_t k = 0; k < static_cast<std::size_t>(p_); ++k) {
    const double *from = jacobian_.data() + k * stride_;
    double *to = work.jacobian.data() + k * stride_;
    for (std::size_t i = 0; i < n; ++i)
      to[i] = from[work.kept[i]];
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
  simd::add_product(work.jacobian.data(), stride_, p_, work.score.data(), work.rows, at.gradient);
  simd::add_gram(work.jacobian.data(), stride_, p_, work.curvature.data(), work.rows, at.hessian);
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
  take_rows(times, work);
  double now = weigh(work.residual, work), careful = 0;
  Point at;
  differentiate(d, damping, work, at);
  for (int step = 0; step < most_steps && careful < most_damping; ++step) {
    double s[P], to[P];
    const double promised = find_step(at, free, careful, s);
    if (promised < 0) {
      careful = std::fmax(10 * careful, first_damping);
      continue;
    }
    simd::add_columns(work.jacobian.data(), stride_, p_, s, work.rows, work.residual.data(),
                      work.trial.data());
    for (int i = 0; i < p_; ++i)
      to[i] = d[i] + s[i];
    const double next = weigh(work.trial, work) + bent(to, damping);
    if (next <= now) { // where the residuals then are
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
