#include "lawfit/levenberg_marquardt.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lawfit {
namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double first_damping = 1e-3, least_damping = 1e-14, most_damping = 1e14;
// A step that lowers the objective by less than this share is near the minimum. Earlier, the exact
// Hessian leads along curved valleys more slowly than Gauss–Newton's matrix.
constexpr double near_share = 0.01;

} // namespace

LevenbergMarquardt::LevenbergMarquardt(const SolverOptions &options)
    : options_(options), p_(static_cast<int>(options.lower.size())),
      now_(std::make_unique<Evaluation>()), next_(std::make_unique<Evaluation>()) {}

// Solves (M + damping·D) s = -g within the bounds: what would leave them is set on them, and the
// rest solved for again.
LevenbergMarquardt::Step LevenbergMarquardt::step(const double *matrix, double damping) const {
  Step out;
  int free[max_parameters], count = 0;
  const double *g = now_->gradient;
  double *s = out.shift;
  std::fill_n(s, p_, 0.0);
  for (int i = 0; i < p_; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (!(at_[i] <= options_.lower[k] && g[i] >= 0) && !(at_[i] >= options_.upper[k] && g[i] <= 0))
      free[count++] = i;
  }
  double factor[max_parameters * max_parameters], rhs[max_parameters];
  for (bool inside = count == 0; !inside && count > 0;) {
    for (int a = 0; a < count; ++a) {
      const double *row = matrix + free[a] * p_;
      // The shifts of parameters set on their bounds act as constants; free ones count as 0 here.
      rhs[a] = -g[free[a]];
      for (int j = 0; j < p_; ++j)
        if (std::find(free, free + count, j) == free + count)
          rhs[a] -= row[j] * s[j];
      for (int b = 0; b <= a; ++b)
        factor[a * count + b] = row[free[b]];
      factor[a * count + a] += damping * scale_[free[a]];
    }
    if (!linalg::cholesky(factor, count, count))
      return out;
    linalg::cholesky_solve(factor, count, count, rhs);
    int kept = 0;
    inside = true;
    for (int a = 0; a < count; ++a) {
      const int i = free[a];
      const double low = options_.lower[static_cast<std::size_t>(i)] - at_[i],
                   high = options_.upper[static_cast<std::size_t>(i)] - at_[i];
      s[i] = std::clamp(rhs[a], low, high);
      if (s[i] == rhs[a])
        free[kept++] = i;
      else
        inside = false;
    }
    count = kept;
  }
  for (int i = 0; i < p_; ++i) {
    double product = 0;
    for (int j = 0; j < p_; ++j)
      product += matrix[i * p_ + j] * s[j];
    out.predicted -= s[i] * (g[i] + 0.5 * product);
  }
  out.ok = out.predicted >= 0;
  return out;
}

LevenbergMarquardt::Step LevenbergMarquardt::best_step(bool newton, double damping) const {
  if (newton) {
    const Step exact = step(now_->hessian, damping);
    if (exact.ok)
      return exact;
  }
  return step(now_->gauss_newton, damping);
}

void LevenbergMarquardt::scale_columns() {
  for (int i = 0; i < p_; ++i) {
    scale_[i] = std::fmax(scale_[i], now_->gauss_newton[i * p_ + i]);
    if (scale_[i] == 0)
      scale_[i] = std::numeric_limits<double>::min();
  }
}

bool LevenbergMarquardt::moves(const Step &s) const {
  for (int i = 0; i < p_; ++i)
    if (std::abs(s.shift[i]) > 2 * eps * std::abs(at_[i]))
      return true;
  return false;
}

// Would an undamped step lower the objective by less than `tolerance` of it?
bool LevenbergMarquardt::is_minimum(bool newton, double tolerance) const {
  const Step undamped = best_step(newton, least_damping);
  return undamped.ok && undamped.predicted <= tolerance * now_->objective + rounding_;
}

bool LevenbergMarquardt::try_step(Objective &objective, const Step &s, int order,
                                  SolverSummary &summary) {
  for (int i = 0; i < p_; ++i)
    trial_[i] = std::clamp(at_[i] + s.shift[i], options_.lower[static_cast<std::size_t>(i)],
                           options_.upper[static_cast<std::size_t>(i)]);
  ++summary.evaluations;
  return objective.evaluate(trial_, order, *next_);
}

Status LevenbergMarquardt::search(Objective &objective, Observer *observer,
                                  SolverSummary &summary) {
  const int far_order = objective.cheap_hessian() ? 2 : 1;
  ++summary.evaluations;
  if (!objective.evaluate(at_, far_order, *now_))
    return Status::bad_start;
  std::fill_n(scale_, p_, 0.0);
  double damping = first_damping, growth = 2;
  bool near = false, newton = false;
  while (summary.iterations < options_.max_iterations) {
    scale_columns();
    const Step s = best_step(newton, damping);
    if (s.ok && s.predicted <= options_.tolerance * now_->objective + rounding_ &&
        is_minimum(newton, options_.tolerance))
      return Status::converged;
    if (damping > most_damping || (s.ok && !moves(s)))
      return is_minimum(newton, std::sqrt(std::fmax(options_.tolerance, eps))) ? Status::converged
                                                                               : Status::stalled;
    ++summary.iterations;
    const int order = near ? 2 : far_order;
    const bool finite = s.ok && try_step(objective, s, order, summary);
    const double decrease = finite ? now_->objective - next_->objective : -1;
    if (finite && decrease > 1e-4 * s.predicted) {
      const double ratio = decrease / s.predicted;
      near = decrease < near_share * now_->objective;
      std::swap(now_, next_);
      std::copy_n(trial_, p_, at_);
      newton = near && order == 2;
      if (ratio > 0.75)
        damping = std::fmax(damping * 0.1, least_damping);
      else if (ratio < 0.25)
        damping *= 4;
      growth = 2;
      summary.stopped = observer && (*observer)(at_, now_->objective);
      if (summary.stopped)
        return Status::converged;
    } else {
      newton = false;
      damping *= growth;
      growth *= 2;
    }
  }
  return Status::max_iterations;
}

// Steps whose gain is below the rounding of the objective, judged by the gradient alone.
void LevenbergMarquardt::polish(Objective &objective, SolverSummary &summary) {
  ++summary.evaluations;
  if (!objective.evaluate(at_, 2, *now_))
    return;
  Step s = best_step(true, 0);
  for (int k = 0; k < 8 && s.ok && s.predicted > 0; ++k) {
    if (!try_step(objective, s, 2, summary) ||
        next_->objective > now_->objective * (1 + 64 * eps) + rounding_)
      break;
    std::swap(now_, next_);
    std::swap_ranges(at_, at_ + p_, trial_);
    const Step following = best_step(true, 0);
    if (!following.ok || following.predicted >= s.predicted) {
      std::swap(now_, next_);
      std::swap_ranges(at_, at_ + p_, trial_);
      break;
    }
    const bool slow = following.predicted > 0.25 * s.predicted;
    s = following;
    if (slow)
      break;
  }
}

SolverSummary LevenbergMarquardt::solve(Objective &objective, double *theta, Observer *observer) {
  SolverSummary summary;
  rounding_ = objective.rounding();
  std::copy_n(theta, p_, at_);
  summary.status = search(objective, observer, summary);
  if (summary.status == Status::bad_start)
    return summary;
  if (is_success(summary.status) && !summary.stopped)
    polish(objective, summary);
  summary.objective = now_->objective;
  std::copy_n(at_, p_, theta);
  return summary;
}

} // namespace lawfit
