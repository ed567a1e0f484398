#include "lawfit/descent.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lawfit {
namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double first_damping = 1e-3, least_damping = 1e-14, most_damping = 1e14;
// A step that lowers the objective by less than this share is near the minimum. Earlier, the exact
// Hessian leads along curved valleys more slowly than Gauss–Newton's matrix.
constexpr double near_share = 0.001;
// Of the decrease that a step promises, what it must keep to be taken.
constexpr double least_share = 1e-4;

// After a step that kept `ratio` of its promise. By Nielsen's rule (1999): gently, so that steps
// along a curved valley are not followed by refusals of longer ones. Where the model is right to a
// percent there is little to damp.
double change_of_damping(double ratio) {
  const double least = std::abs(ratio - 1) < 0.01 ? 0.1 : 1.0 / 3;
  const double doubt = 1 - 2 * ratio;
  return std::fmax(least, 1 + doubt * doubt * doubt);
}

} // namespace

Descent::Descent(const SolverOptions &options)
    : options_(options), p_(options.lower.size()), at_(p_), trial_(p_), before_(p_), scale_(p_),
      diagonal_(p_), free_(p_), step_{false, 0, at_}, other_(step_) {}

// Solves (M + damping·D) s = -g within the bounds: what would leave them is set on them, and the
// rest solved for again.
void Descent::find_step(Model &model, Curvature matrix, double damping, Step &step) {
  const double *g = model.gradient();
  std::vector<double> &s = step.shift;
  std::fill(s.begin(), s.end(), 0.0);
  step.ok = false;
  std::size_t count = 0;
  for (std::size_t i = 0; i < p_; ++i) {
    free_[i] =
        !(at_[i] <= options_.lower[i] && g[i] >= 0) && !(at_[i] >= options_.upper[i] && g[i] <= 0);
    count += free_[i];
  }
  for (bool inside = false; !inside && count > 0;) {
    if (!model.solve(matrix, damping, scale_.data(), free_.data(), s.data()))
      return;
    inside = true;
    for (std::size_t i = 0; i < p_; ++i) {
      if (!free_[i])
        continue;
      const double asked = s[i];
      s[i] = std::clamp(asked, options_.lower[i] - at_[i], options_.upper[i] - at_[i]);
      if (s[i] != asked) {
        inside = false;
        free_[i] = 0;
        --count;
      }
    }
  }
  step.predicted = model.decrease(matrix, s.data());
  step.ok = step.predicted >= 0;
}

void Descent::find_best_step(Model &model, bool newton, double damping, Step &step) {
  if (newton) {
    find_step(model, Curvature::hessian, damping, step);
    if (step.ok)
      return;
  }
  find_step(model, Curvature::gauss_newton, damping, step);
}

void Descent::scale_columns(const Model &model) {
  model.diagonal(diagonal_.data());
  for (std::size_t i = 0; i < p_; ++i) {
    scale_[i] = std::fmax(scale_[i], diagonal_[i]);
    if (scale_[i] == 0)
      scale_[i] = std::numeric_limits<double>::min();
  }
}

bool Descent::moves(const Step &step) const {
  for (std::size_t i = 0; i < p_; ++i)
    if (std::abs(step.shift[i]) > 2 * eps * std::abs(at_[i]))
      return true;
  return false;
}

// Would an undamped step lower the objective by less than `tolerance` of it?
bool Descent::is_minimum(Model &model, bool newton, double tolerance) {
  find_best_step(model, newton, least_damping, other_);
  return other_.ok && other_.predicted <= tolerance * model.objective() + model.rounding();
}

bool Descent::try_step(Model &model, const Step &step, int order, SolverSummary &summary) {
  for (std::size_t i = 0; i < p_; ++i)
    trial_[i] = std::clamp(at_[i] + step.shift[i], options_.lower[i], options_.upper[i]);
  ++summary.evaluations;
  return model.evaluate(trial_.data(), order);
}

// The trial point becomes the one the search is at, and can be gone back to.
void Descent::exchange(Model &model) {
  model.exchange();
  at_.swap(trial_);
}

// A long step along a curved valley ends up its side. Where another from there, by the matrix found
// there, promises to come down below where the first began, it is tried before shorter ones are:
// the watchdog of Chamberlain et al. (1982), of one step.
bool Descent::come_down(Model &model, int order, double damping, SolverSummary &summary) {
  const double goal = model.objective() - least_share * step_.predicted;
  exchange(model);
  find_step(model, Curvature::gauss_newton, damping, other_);
  if (!other_.ok || model.objective() - other_.predicted >= goal ||
      summary.iterations >= options_.max_iterations) {
    exchange(model);
    return false;
  }
  ++summary.iterations;
  before_ = trial_;
  const bool down = try_step(model, other_, order, summary) && model.trial_objective() < goal;
  if (!down) { // back to what the trial has replaced
    ++summary.evaluations;
    trial_ = before_;
    model.evaluate(trial_.data(), order);
  }
  exchange(model);
  return down;
}

Status Descent::search(Model &model, Observer *observer, SolverSummary &summary) {
  const int far_order = model.cheap_hessian() ? 2 : 1;
  ++summary.evaluations;
  if (!model.evaluate(at_.data(), far_order))
    return Status::bad_start;
  model.exchange();
  std::fill(scale_.begin(), scale_.end(), 0.0);
  double damping = first_damping, growth = 2;
  bool near = false, newton = false;
  while (summary.iterations < options_.max_iterations) {
    scale_columns(model);
    find_best_step(model, newton, damping, step_);
    if (step_.ok && step_.predicted <= options_.tolerance * model.objective() + model.rounding() &&
        is_minimum(model, newton, options_.tolerance))
      return Status::converged;
    if (damping > most_damping || (step_.ok && !moves(step_)))
      return is_minimum(model, newton, std::sqrt(std::fmax(options_.tolerance, eps)))
                 ? Status::converged
                 : Status::stalled;
    ++summary.iterations;
    const int order = near ? 2 : far_order;
    const bool finite = step_.ok && try_step(model, step_, order, summary);
    const double decrease = finite ? model.objective() - model.trial_objective() : -1;
    if (finite && decrease > least_share * step_.predicted) {
      const double ratio = decrease / step_.predicted;
      near = decrease < near_share * model.objective();
      exchange(model);
      newton = near && order == 2;
      damping = std::fmax(damping * change_of_damping(ratio), least_damping);
      growth = 2;
    } else {
      newton = false;
      if (!finite || !come_down(model, order, damping, summary)) {
        damping *= growth;
        growth *= 2;
        continue;
      }
      damping = std::fmax(0.5 * damping, least_damping);
      growth = 2;
    }
    summary.stopped = observer && (*observer)(at_.data(), model.objective());
    if (summary.stopped)
      return Status::converged;
  }
  return Status::max_iterations;
}

// Steps whose gain is below the rounding of the objective, judged by the gradient alone.
void Descent::polish(Model &model, SolverSummary &summary) {
  ++summary.evaluations;
  if (!model.evaluate(at_.data(), 2))
    return;
  model.exchange();
  find_best_step(model, true, 0, step_);
  for (int k = 0; k < 8 && step_.ok && step_.predicted > 0; ++k) {
    if (!try_step(model, step_, 2, summary) ||
        model.trial_objective() > model.objective() * (1 + 64 * eps) + model.rounding())
      break;
    exchange(model);
    find_best_step(model, true, 0, other_);
    if (!other_.ok || other_.predicted >= step_.predicted) {
      exchange(model);
      break;
    }
    const bool slow = other_.predicted > 0.25 * step_.predicted;
    std::swap(step_, other_);
    if (slow)
      break;
  }
}

SolverSummary Descent::solve(Model &model, double *theta, Observer *observer) {
  SolverSummary summary;
  std::copy_n(theta, p_, at_.begin());
  summary.status = search(model, observer, summary);
  if (summary.status == Status::bad_start)
    return summary;
  if (is_success(summary.status) && !summary.stopped)
    polish(model, summary);
  summary.objective = model.objective();
  std::copy_n(at_.begin(), p_, theta);
  return summary;
}

} // namespace lawfit
