#include "lawfit/resample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lawfit/bounds.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/problem_objective.hpp"
#include "lawfit/random.hpp"

namespace lawfit {
namespace {

constexpr int P = max_parameters;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// Newton's steps, and how often one is cut in half; models of another kind tried in between; and
// the damping of these, before the search is left to Levenberg–Marquardt.
constexpr int most_steps = 15, most_halvings = 3, most_rounds = 8, most_trials = 4;
constexpr double first_damping = 1e-2;
// The last step's gain, relative to the objective, is at most this and taken on trust.
constexpr double near = 1e-10;
// Where elimination leaves less of a Hessian's diagonal, rounding may hide that the rows do not
// determine a parameter.
constexpr double least_pivot = 1e-6;
// Replicates that a thread takes at once: taking them costs as much as a tenth of one.
constexpr std::int64_t chunk = 16;

} // namespace

void Replicates::blank(std::size_t p, std::size_t first, std::size_t count, Status why) const {
  for (std::size_t j = 0; j < p; ++j)
    std::fill_n(theta + j * stride + first, count, nan);
  std::fill_n(objective + first, count, nan);
  std::fill_n(status + first, count, static_cast<std::int8_t>(why));
}

void draw_rows(const ResampleOptions &options, std::int64_t k, std::vector<std::uint32_t> &times) {
  std::fill(times.begin(), times.end(), 0U);
  Draws draws(options.seed, static_cast<std::uint64_t>(k));
  const std::size_t parts = std::max<std::size_t>(options.parts.size(), 1);
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t first = options.parts.empty() ? 0 : options.parts[part];
    const std::size_t end = part + 1 < parts ? options.parts[part + 1] : times.size();
    const auto n = static_cast<std::uint32_t>(end - first);
    for (std::uint32_t i = 0; i < n; ++i)
      ++times[first + draws.below(n)];
  }
}

ResamplePlan::ResamplePlan(const Problem &problem, const SolverOptions &solver,
                           const std::vector<double> &theta, Cancel &cancel)
    : problem_(problem), natural_(solver), centred_(to_centred(problem, solver)),
      theta_(centred(problem, centred_, theta)), model_(problem) {
  Problem::Workspace work(problem, Coordinates::centred);
  LinearModel::Workspace own(problem);
  const auto at = std::make_unique<Evaluation>();
  foretells_ = problem.evaluate(theta_.data(), 2, *at, work, cancel) &&
               model_.describe(problem, theta_.data(), *at, work, cancel, own);
  std::vector<bool> at_bound;
  for (std::size_t i = 0; i < theta.size(); ++i)
    at_bound.push_back(theta[i] <= natural_.lower[i] || theta[i] >= natural_.upper[i]);
  doubtful_ = covariance(problem, theta.data(), at_bound, cancel).status(Status::converged) !=
              Status::converged;
}

std::vector<double> ResamplePlan::centred(const Problem &problem, const SolverOptions &bounds,
                                          std::vector<double> theta) {
  problem.to_centred(theta);
  for (std::size_t i = 0; i < theta.size(); ++i)
    theta[i] = std::clamp(theta[i], bounds.lower[i], bounds.upper[i]);
  return theta;
}

// Newton's method from a point near the minimum.
class Refitter::Impl {
public:
  Impl(const ResamplePlan &plan, Cancel &cancel)
      : plan_(plan), problem_(plan.problem_), work_(plan.problem_, Coordinates::centred),
        objective_(problem_, work_, cancel), cancel_(cancel), model_(plan.problem_),
        model_work_(plan.problem_), search_(plan.centred_), times_(plan.problem_.rows()),
        p_(problem_.parameters()) {}

  void refit(const ResampleOptions &options, std::int64_t k, std::size_t at,
             const Replicates &out) {
    draw_rows(options, k, times_);
    problem_.take_rows(plan_.problem_, times_.data());
    Outcome found = solve();
    double natural[P];
    std::copy_n(theta_, p_, natural);
    problem_.to_natural(natural, work_);
    keep_bounds(plan_.natural_, plan_.centred_, theta_, natural);
    if (found.status == Status::converged && (doubtful_ || plan_.doubtful_))
      found.status = judge(natural);
    const bool lost = found.status == Status::bad_start;
    for (int i = 0; i < p_; ++i)
      out.theta[static_cast<std::size_t>(i) * out.stride + at] = lost ? nan : natural[i];
    out.objective[at] = lost ? nan : found.objective;
    out.status[at] = static_cast<std::int8_t>(found.status);
  }

private:
  struct Outcome {
    Status status;
    double objective;
  };

  Outcome solve() {
    foretell();
    if (settle())
      return {Status::converged, objective_value_};
    std::copy(plan_.theta_.begin(), plan_.theta_.end(), theta_);
    const SolverSummary summary = search_.solve(objective_, theta_);
    // Where Levenberg–Marquardt is held up at a knee of rho, the linear model may know the way on.
    const bool ended =
        summary.status == Status::converged || summary.status == Status::bad_start || !settle();
    doubtful_ = true;
    if (!ended)
      return {Status::converged, objective_value_};
    const bool on = summary.status == Status::stalled || summary.status == Status::max_iterations;
    return {summary.status, on ? now_->objective : summary.objective};
  }

  // Newton's method and, where it is lost, models of the other kind. True at a minimum.
  bool settle() {
    if (!objective_.evaluate(theta_, 2, *now_))
      return false;
    for (int round = 0; round < most_rounds; ++round) {
      if (newton())
        return true;
      if (!look_around())
        return false;
    }
    return false;
  }

  // To where residuals that are linear have their minimum.
  void foretell() {
    std::copy(plan_.theta_.begin(), plan_.theta_.end(), theta_);
    if (!plan_.foretells_)
      return;
    const SolverOptions &bounds = plan_.centred_;
    for (std::size_t i = 0; i < plan_.theta_.size(); ++i)
      free_[i] = theta_[i] > bounds.lower[i] && theta_[i] < bounds.upper[i];
    double d[P];
    plan_.model_.minimise(times_.data(), free_, 0, d, model_work_);
    for (std::size_t i = 0; i < plan_.theta_.size(); ++i)
      theta_[i] = std::clamp(theta_[i] + d[i], bounds.lower[i], bounds.upper[i]);
  }

  // A step, from where Newton's method is lost, to where residuals that are linear here have their
  // minimum. False where none goes down.
  bool look_around() {
    if (!model_.describe(problem_, theta_, *now_, work_, cancel_, model_work_))
      return false;
    const SolverOptions &bounds = plan_.centred_;
    for (std::size_t i = 0; i < plan_.theta_.size(); ++i)
      free_[i] = !(theta_[i] <= bounds.lower[i] && now_->gradient[i] >= 0) &&
                 !(theta_[i] >= bounds.upper[i] && now_->gradient[i] <= 0);
    double damping = 0, d[P], to[P];
    for (int trial = 0; trial < most_trials; ++trial) {
      model_.minimise(nullptr, free_, damping, d, model_work_);
      for (std::size_t i = 0; i < plan_.theta_.size(); ++i)
        to[i] = std::clamp(theta_[i] + d[i], bounds.lower[i], bounds.upper[i]);
      if (objective_.evaluate(to, 2, *next_) && next_->objective < now_->objective) {
        std::copy_n(to, p_, theta_);
        now_.swap(next_);
        return true;
      }
      damping = std::fmax(10 * damping, first_damping);
    }
    return false;
  }

  // True at the minimum; false where it is not found in a few steps, or the Hessian says it is
  // none. theta_ and now_ are what was best.
  bool newton() {
    const double tolerance = plan_.natural_.tolerance;
    double last = now_->objective;
    for (int step = 0; step < most_steps; ++step) {
      double s[P], to[P];
      if (!find_step(s))
        return false;
      double promised = 0;
      for (int i = 0; i < p_; ++i)
        promised -= 0.5 * s[i] * now_->gradient[i];
      // What the step after this would gain, if steps shrink as fast as they did last. A long one
      // may still move rows across rho's knee.
      const double expected = promised * std::fmin(1.0, promised / last);
      const bool arrived = promised <= near * now_->objective + problem_.rounding() &&
                           expected <= tolerance * now_->objective + problem_.rounding();
      last = promised;
      double share = 1;
      for (int halving = 0;; ++halving, share *= 0.5) {
        if (halving > most_halvings)
          return false;
        for (int i = 0; i < p_; ++i)
          to[i] = theta_[i] + share * s[i];
        if (arrived) {
          std::copy_n(to, p_, theta_);
          objective_value_ = std::fmax(now_->objective - promised, 0.0);
          return true;
        }
        if (objective_.evaluate(to, 2, *next_) && next_->objective < now_->objective)
          break;
      }
      std::copy_n(to, p_, theta_);
      now_.swap(next_);
      if (share < 1)
        last = now_->objective;
    }
    return false;
  }

  // H s = -g over the parameters that are at no bound; false where a step leads out of the bounds.
  bool find_step(double *s) {
    const SolverOptions &bounds = plan_.centred_;
    double factor[P * P], x[P];
    int index[P], count = 0;
    for (int i = 0; i < p_; ++i) {
      const auto k = static_cast<std::size_t>(i);
      s[i] = 0;
      if (!(theta_[i] <= bounds.lower[k] && now_->gradient[i] >= 0) &&
          !(theta_[i] >= bounds.upper[k] && now_->gradient[i] <= 0))
        index[count++] = i;
    }
    for (int a = 0; a < count; ++a) {
      x[a] = -now_->gradient[index[a]];
      for (int b = 0; b <= a; ++b)
        factor[a * count + b] = now_->hessian[index[a] * p_ + index[b]];
    }
    if (!linalg::cholesky(factor, count, count))
      return false;
    doubtful_ = false;
    for (int a = 0; a < count; ++a) {
      const double pivot = factor[a * count + a], size = now_->hessian[index[a] * (p_ + 1)];
      doubtful_ = doubtful_ || pivot * pivot < least_pivot * size;
    }
    linalg::cholesky_solve(factor, count, count, x);
    for (int a = 0; a < count; ++a) {
      const auto k = static_cast<std::size_t>(index[a]);
      s[k] = x[a];
      if (!(theta_[k] + s[k] >= bounds.lower[k] && theta_[k] + s[k] <= bounds.upper[k]))
        return false;
    }
    return true;
  }

  // As a fit to the rows drawn would end there.
  Status judge(const double *natural) {
    std::vector<bool> at_bound;
    for (std::size_t i = 0; i < plan_.theta_.size(); ++i)
      at_bound.push_back(theta_[i] <= plan_.centred_.lower[i] ||
                         theta_[i] >= plan_.centred_.upper[i]);
    return covariance(problem_, natural, at_bound, cancel_).status(Status::converged);
  }

  const ResamplePlan &plan_;
  Problem problem_;
  Problem::Workspace work_;
  ProblemObjective objective_;
  Cancel &cancel_;
  LinearModel model_;
  LinearModel::Workspace model_work_;
  LevenbergMarquardt search_;
  std::vector<std::uint32_t> times_;
  int p_;
  double theta_[P], objective_value_ = 0;
  unsigned char free_[P];
  bool doubtful_ = false; // whether the rows determine every parameter
  std::unique_ptr<Evaluation> now_ = std::make_unique<Evaluation>(),
                              next_ = std::make_unique<Evaluation>();
};

Refitter::Refitter(const ResamplePlan &plan, Cancel &cancel)
    : impl_(std::make_unique<Impl>(plan, cancel)) {}
Refitter::~Refitter() = default;
void Refitter::refit(const ResampleOptions &options, std::int64_t k, std::size_t at,
                     const Replicates &out) {
  impl_->refit(options, k, at, out);
}

void resample(const Problem &problem, const SolverOptions &solver, std::vector<double> theta,
              const ResampleOptions &options, const Replicates &out, Cancel &cancel) try {
  if (cancel.timed())
    out.blank(theta.size(), 0, static_cast<std::size_t>(options.replicates), Status::timeout);
  const ResamplePlan plan(problem, solver, std::move(theta), cancel);
  const std::int64_t chunks = (options.replicates + chunk - 1) / chunk;
  int threads = options.threads > 0 ? options.threads : max_threads();
  threads = static_cast<int>(std::min<std::int64_t>(threads, std::max<std::int64_t>(chunks, 1)));
  std::vector<std::unique_ptr<Refitter>> refitters;
  for (int slot = 0; slot < threads; ++slot)
    refitters.push_back(std::make_unique<Refitter>(plan, cancel));
  parallel_for(
      static_cast<std::size_t>(chunks), threads,
      [&](std::size_t item, int slot) {
        const std::int64_t first = static_cast<std::int64_t>(item) * chunk;
        for (std::int64_t k = first; k < std::min(first + chunk, options.replicates); ++k)
          refitters[static_cast<std::size_t>(slot)]->refit(options, k, static_cast<std::size_t>(k),
                                                           out);
      },
      cancel);
} catch (const TimedOut &) {
  // Those that there was no time for were said to be lost before.
}

} // namespace lawfit
