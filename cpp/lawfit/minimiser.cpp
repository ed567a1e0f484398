#include "lawfit/minimiser.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lawfit/bounds.hpp"
#include "lawfit/problem_objective.hpp"

namespace lawfit {

Minimiser::Minimiser(const Problem &problem, const SolverOptions &options, Prior prior)
    : problem_(problem), prior_(std::move(prior)), natural_(options),
      searched_(prior_.empty() ? to_centred(problem, options) : options),
      work_(problem, prior_.empty() ? Coordinates::centred : Coordinates::natural),
      solver_(searched_), at_(options.lower.size()), end_(at_) {
  if (!prior_.empty())
    prior_.check(at_.size());
}

SolverSummary Minimiser::solve(double *theta, Cancel &cancel) {
  std::copy_n(theta, at_.size(), at_.begin());
  ProblemObjective rows(problem_, work_, cancel);
  if (!prior_.empty()) {
    WithPrior objective(rows, prior_);
    const SolverSummary summary = solver_.solve(objective, at_.data());
    std::copy(at_.begin(), at_.end(), theta);
    return summary;
  }
  problem_.to_centred(at_.data(), work_);
  SolverSummary summary = solver_.solve(rows, at_.data());
  if (summary.status == Status::bad_start)
    return summary;
  end_ = at_;
  problem_.to_natural(end_.data(), work_);
  keep_bounds(natural_, searched_, at_.data(), end_.data());
  if (std::all_of(end_.begin(), end_.end(), [](double x) { return std::isfinite(x); }))
    std::copy(end_.begin(), end_.end(), theta);
  else // an amplitude far from its rows may have no number: no answer to give
    summary.status = Status::bad_start;
  return summary;
}

} // namespace lawfit
