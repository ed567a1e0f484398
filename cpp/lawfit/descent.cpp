#include "lawfit/descent.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lawfit {
namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double least_damping = 1e-14, most_damping = 1e14;
// How far a step's length may be from the radius, and the first radius as a share of the start's
// length; a robust loss bends less than its matrix does.
constexpr double nearly = 1.1, first_radius = 1, first_robust_radius = 3;
// A step that lowers the objective by less than this share is near the minimum. Earlier, the exact
// Hessian leads along curved valleys more slowly than Gauss–Newton's matrix.
constexpr double near_share = 0.001;
// Iterations after which a search is long: parameters that the law is linear in are then looked at
// apart. And after which it seems to creep.
constexpr int long_search = 15, patience = 60;

// An objective is nowhere below zero: a Newton step that promises more than so many times all of it
// comes of a Hessian that is all but singular, as a Huber loss has it where most rows are outliers.
constexpr double most_promised = 2;

// How many times as long as the matrix has it a step should be, after one t times as long met
// `bent` times the curvature of the matrix. Where a Huber loss takes most rows as outliers, it
// bends less than its Gauss–Newton matrix does, a share that changes slowly from step to step.
double next_stretch(double t, double bent) {
  const double most = t < 1 ? 4 * t : 2 * t;
  const double best = bent * most > 1 ? 1 / bent : most;
  return t < 1 ? std::fmin(best, 1) : std::fmax(best, 1);
}

} // namespace

Descent::Descent(const SolverOptions &options)
    : options_(options), p_(options.lower.size()), at_(p_), trial_(p_), before_(p_), left_(p_),
      scale_(p_), diagonal_(p_), free_(p_), step_{false, 0, at_}, other_(step_) {
  const auto count = std::count(options.linear.begin(), options.linear.end(), true);
  linear_ = p_ > 0 && count == static_cast<std::ptrdiff_t>(p_);
  separable_ = count > 0 && !linear_;
}

// Solves (M + damping·D) s = -g within the bounds: what would leave them is set on them, and the
// rest solved for again.
void Descent::find_step(Model &model, Curvature matrix, double damping, Step &step,
                        bool linear_alone) {
  const double *g = model.gradient();
  std::vector<double> &s = step.shift;
  std::fill(s.begin(), s.end(), 0.0);
  step.ok = false;
  std::size_t count = 0;
  for (std::size_t i = 0; i < p_; ++i) {
    free_[i] = !(at_[i] <= options_.lower[i] && g[i] >= 0) &&
               !(at_[i] >= options_.upper[i] && g[i] <= 0) && (!linear_alone || options_.linear[i]);
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

// Gauss–Newton's step, damped so much that it is as long as the radius, or hardly at all where it
// is shorter. The inverse of its length is nearly linear in the damping (Hebden 1973).
void Descent::find_step_within(Model &model, Damping &damping) {
  const auto inverse = [&](double value) {
    damped_ = value;
    find_step(model, Curvature::gauss_newton, value, step_);
    return step_.ok ? radius_ / length(step_.shift) : 0;
  };
  double low = robust_ ? damping.value : 0, at_low = inverse(low),
         high = std::numeric_limits<double>::infinity();
  if (!step_.ok)
    at_low = inverse(low = std::fmax(low, least_damping));
  if (at_low >= 1 / nearly)
    return;
  for (int k = 0; k < 60; ++k) {
    const double value = std::fmax(guess_, low), here = inverse(value);
    if (here >= 1 / nearly && (here <= nearly || std::isinf(here)))
      return;
    double next = here > at_low ? low + (value - low) * (1 - at_low) / (here - at_low) : 10 * value;
    (here < 1 ? low : high) = value;
    if (here < 1)
      at_low = here;
    if (!(next > low && next < high))
      next = std::isinf(high) ? 10 * low : low > 0 ? std::sqrt(low * high) : 0.01 * high;
    guess_ = next;
  }
}

// By the Hessian where that will do, else by the Gauss–Newton matrix.
void Descent::find_best_step(Model &model, double damping, Step &step) {
  find_step(model, Curvature::hessian, damping, step);
  if (!step.ok)
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

// ‖D^½ s‖
double Descent::length(const std::vector<double> &step) const {
  double sum = 0;
  for (std::size_t i = 0; i < p_; ++i)
    sum += scale_[i] * step[i] * step[i];
  return std::sqrt(sum);
}

bool Descent::moves(const Step &step) const {
  for (std::size_t i = 0; i < p_; ++i)
    if (std::abs(step.shift[i]) > 2 * eps * std::abs(at_[i]))
      return true;
  return false;
}

// Would an undamped step lower the objective by less than so much?
bool Descent::is_minimum(Model &model, double decrease) {
  if (has_hessian_)
    find_best_step(model, least_damping, other_);
  else
    find_step(model, Curvature::gauss_newton, least_damping, other_);
  return other_.ok && other_.predicted <= decrease;
}

// Where every target is 0, no residual says what is small but those of the start.
bool Descent::vanished(const Model &model) const { return model.objective() <= nothing_; }

bool Descent::try_step(Model &model, const Step &step, double stretch, int order,
                       SolverSummary &summary) {
  for (std::size_t i = 0; i < p_; ++i)
    trial_[i] = std::clamp(at_[i] + stretch * step.shift[i], options_.lower[i], options_.upper[i]);
  ++summary.evaluations;
  return model.evaluate(trial_.data(), order);
}

// The trial point becomes the one the search is at, and can be gone back to.
void Descent::exchange(Model &model) {
  model.exchange();
  at_.swap(trial_);
}

// Accepts a step or not, and sets how the next one is damped or stretched.
bool Descent::judge(const Model &model, double decrease, bool finite, Damping &damping) {
  const double ratio = decrease / step_.predicted, t = damping.stretch;
  if (finite && decrease > 1e-4 * std::fmin(t, 1) * step_.predicted) {
    // The curvature met along t times the step, as a share of the matrix's.
    const double bent = (2 * t - ratio) / (t * t);
    damping.stretch = next_stretch(t, bent);
    if (!newton_)
      set_radius(decrease, finite, slope_of(model), t);
    if (ratio > 0.75)
      damping.value = std::fmax(damping.value * (damping.growth > 2 ? 0.5 : 0.2), least_damping);
    else if (ratio < 0.25 && t >= 1 && (newton_ || robust_))
      damping.value *= 4;
    damping.growth = 2;
    return true;
  }
  damping.stretch = 1;
  if (t > 1)
    return false; // once more, as the matrix has it
  if (finite && newton_ && robust_) {
    // Where the parabola through the step's end is least.
    const double slope = slope_of(model);
    const double least = slope * t * t / (2 * (slope * t + decrease));
    if (least > 1e-4 && least < 0.5 * t) {
      damping.stretch = least;
      return false;
    }
  }
  if (!newton_) {
    set_radius(decrease, finite, slope_of(model), t);
    if (!robust_)
      return false;
  }
  damping.value *= damping.growth;
  damping.growth *= 2;
  return false;
}

// As in MINPACK.
void Descent::set_radius(double decrease, bool finite, double slope, double stretch) {
  const double reach = stretch * length(step_.shift), ratio = decrease / step_.predicted;
  if (ratio > 0.75 || (ratio > 0.25 && damped_ == 0))
    radius_ = 2 * reach;
  if (ratio > 0.25)
    return;
  double share = 0.5;
  if (decrease < 0) // where the parabola through the step's end is least
    share = finite ? slope / (2 * (slope + decrease)) : 0;
  radius_ = std::clamp(share, 0.1, 0.5) * std::fmin(radius_, 10 * reach);
}

// A long step along a curved valley ends up its side. Where another from there, by the matrix found
// there, promises to come down below where the first began, it is tried before shorter ones are:
// the watchdog of Chamberlain et al. (1982), of one step.
bool Descent::come_down(Model &model, double goal, double damping, bool linear_alone, int order,
                        SolverSummary &summary) {
  exchange(model);
  find_step(model, Curvature::gauss_newton, damping, other_, linear_alone);
  if (!other_.ok || model.objective() - other_.predicted >= goal ||
      summary.iterations >= options_.max_iterations) {
    exchange(model);
    return false;
  }
  ++summary.iterations;
  before_ = trial_;
  const bool down = try_step(model, other_, 1, order, summary) && model.trial_objective() < goal;
  if (down) {
    has_hessian_ = order == 2;
  } else { // back to what the trial has replaced
    ++summary.evaluations;
    trial_ = before_;
    model.evaluate(trial_.data(), has_hessian_ ? 2 : 1);
  }
  exchange(model);
  return down;
}

// gᵀs
double Descent::slope_of(const Model &model) const {
  double slope = 0;
  for (std::size_t i = 0; i < p_; ++i)
    slope += model.gradient()[i] * step_.shift[i];
  return slope;
}

// At the start of a search.
bool Descent::begin(Model &model, SolverSummary &summary) {
  std::fill(scale_.begin(), scale_.end(), 0.0);
  has_hessian_ = false;
  ++summary.evaluations;
  if (!model.evaluate(at_.data(), 1))
    return false;
  model.exchange();
  if (summary.evaluations == 1 && model.rounding() == 0)
    nothing_ = 16 * eps * eps * model.objective();
  scale_columns(model);
  radius_ = (robust_ ? first_robust_radius : first_radius) * length(at_);
  if (radius_ == 0)
    radius_ = std::numeric_limits<double>::infinity();
  guess_ = 1e-3;
  return true;
}

Status Descent::search(Model &model, double tolerance, int most_iterations, Observer *observer,
                       SolverSummary &summary) {
  // Where the Hessian is cheap it is at hand before it is wanted.
  const double soon_share = model.cheap_hessian() ? 10 * near_share : near_share;
  const double promising_share = model.cheap_hessian() ? soon_share : 0;
  // The two matrices' steps fail apart from each other.
  Damping by_gauss_newton, by_hessian;
  bool soon = false, newton = false;
  if (!begin(model, summary))
    return Status::bad_start;
  const int began = summary.iterations;
  while (summary.iterations < most_iterations) {
    scale_columns(model);
    if (newton)
      find_step(model, Curvature::hessian, by_hessian.value, step_);
    newton_ = newton && step_.ok &&
              step_.predicted <= most_promised * model.objective() + model.rounding();
    if (!newton_)
      find_step_within(model, by_gauss_newton);
    Damping &damping = newton_ ? by_hessian : by_gauss_newton;
    const double negligible = tolerance * model.objective() + model.rounding();
    if (step_.ok && step_.predicted <= negligible && is_minimum(model, negligible)) {
      // The Gauss–Newton matrix may bend far more than the objective.
      if (has_hessian_ || !add_hessian(model, summary) || is_minimum(model, negligible))
        return Status::converged;
      newton = true;
      continue;
    }
    if (damping.value > most_damping || (step_.ok && !moves(step_)))
      return vanished(model) ||
                     is_minimum(model, std::sqrt(std::fmax(tolerance, eps)) * model.objective() +
                                           model.rounding())
                 ? Status::converged
                 : Status::stalled;
    ++summary.iterations;
    const int order = soon || step_.predicted < promising_share * model.objective() ? 2 : 1;
    if (!robust_)
      damping.stretch = std::fmin(damping.stretch, 1);
    const bool finite = step_.ok && try_step(model, step_, damping.stretch, order, summary);
    const double objective = model.objective(), least = 1e-4 * step_.predicted;
    double decrease = finite ? objective - model.trial_objective() : -1;
    // What the law is linear in alone may spoil a step, or waste most of it.
    const bool settled =
        finite && summary.iterations > began + long_search && separable_ && !robust_ &&
        come_down(model, objective - std::fmax(least, 2 * decrease), 0, true, order, summary);
    if (settled)
      decrease = objective - model.objective();
    const double damped = newton_ ? damping.value : damped_;
    const bool taken = judge(model, decrease, finite, damping);
    const bool down =
        !taken && finite && come_down(model, objective - least, damped, false, order, summary);
    if (down && (newton_ || robust_))
      damping = {std::fmax(0.5 * damped, least_damping)};
    if (taken && !settled)
      exchange(model);
    if (taken) {
      soon = decrease < soon_share * model.objective();
      newton = decrease < near_share * model.objective() && order == 2;
      has_hessian_ = order == 2;
      if (newton && !newton_)
        by_hessian.value = std::fmin(by_hessian.value, robust_ ? by_gauss_newton.value : damped_);
    } else if (newton_ && damping.stretch == 1) {
      newton = false;
    }
    summary.stopped = (taken || down) && observer && (*observer)(at_.data(), model.objective());
    if (summary.stopped)
      return Status::converged;
  }
  return vanished(model) ? Status::converged : Status::max_iterations;
}

bool Descent::add_hessian(Model &model, SolverSummary &summary) {
  ++summary.evaluations;
  has_hessian_ = model.evaluate(at_.data(), 2);
  if (has_hessian_)
    model.exchange();
  return has_hessian_;
}

// Steps whose gain is below the rounding of the objective, judged by the gradient alone.
void Descent::polish(Model &model, SolverSummary &summary) {
  if (!has_hessian_ && !add_hessian(model, summary))
    return;
  find_best_step(model, 0, step_);
  const double rounding = model.rounding();
  for (int k = 0; k < 8 && step_.ok; ++k) {
    // No digits are left to give, or none of the objective is to be told from rounding.
    if (step_.predicted <= std::fmax(1e-27 * model.objective(), 1e-3 * rounding) ||
        !try_step(model, step_, 1, 2, summary) ||
        model.trial_objective() >
            model.objective() + 2 * std::sqrt(model.objective() * rounding) + rounding)
      break;
    exchange(model);
    find_best_step(model, 0, other_);
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

// The search with wider deltas, one after the other; goes on from where that leads, if it is lower.
void Descent::smooth(Model &model, const double *from, bool squared, SolverSummary &summary) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  left_ = at_;
  const double objective = model.objective();
  std::copy_n(from, p_, at_.begin());
  for (const double deltas : {infinity, 27.0, 9.0, 3.0}) {
    robust_ = std::isfinite(deltas);
    if (!robust_ && !squared)
      continue;
    model.widen(deltas);
    const int most = summary.iterations + (robust_ ? 1 : 4) * patience;
    search(model, robust_ ? 1e-3 : 1e-8, std::min(most, options_.max_iterations), nullptr, summary);
  }
  model.widen(1);
  ++summary.evaluations;
  if (!model.evaluate(at_.data(), 0) || model.trial_objective() > objective)
    at_ = left_;
}

// Where the loss is nearly absolute, the search may creep along a valley whose floor has a bend at
// every row. A wider delta smooths it. Where that is not enough, the start may be so far off that
// every row is an outlier: the square of the residuals leads nearer.
Status Descent::search_on(Model &model, const double *start, Observer *observer,
                          SolverSummary &summary) {
  const int some = std::min(3 * patience, options_.max_iterations);
  if (robust_) {
    smooth(model, at_.data(), false, summary);
    const Status status = search(model, options_.tolerance, some, observer, summary);
    const bool ended = status != Status::max_iterations || some == options_.max_iterations;
    if (ended)
      return status;
    if (!linear_)
      smooth(model, start, true, summary);
  }
  return search(model, options_.tolerance, options_.max_iterations, observer, summary);
}

SolverSummary Descent::solve(Model &model, double *theta, Observer *observer) {
  SolverSummary summary;
  std::copy_n(theta, p_, at_.begin());
  nothing_ = 0;
  robust_ = model.widen(1); // a search that was cancelled may have left it wide
  const int patient = std::min(patience, options_.max_iterations);
  summary.status = search(model, options_.tolerance, patient, observer, summary);
  if (summary.status == Status::max_iterations && patient < options_.max_iterations)
    summary.status = search_on(model, theta, observer, summary);
  if (summary.status == Status::bad_start)
    return summary;
  if (is_success(summary.status) && !summary.stopped)
    polish(model, summary);
  summary.objective = model.objective();
  std::copy_n(at_.begin(), p_, theta);
  return summary;
}

} // namespace lawfit
