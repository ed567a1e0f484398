#include "lawfit/minimiser.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/bounds.hpp"
#include "lawfit/problem_objective.hpp"

namespace lawfit {

Minimiser::Minimiser(const Problem &problem, const SolverOptions &options)
    : problem_(problem), natural_(options), centred_(to_centred(problem, options)),
      work_(problem, Coordinates::centred), solver_(centred_), at_(options.lower.size()),
      end_(at_) {}

SolverSummary Minimiser::solve(double *theta, Cancel &cancel) {
  std::copy_n(theta, at_.size(), at_.begin());
  problem_.to_centred(at_.data(), work_);
  ProblemObjective objective(problem_, work_, cancel);
  SolverSummary summary = solver_.solve(objective, at_.data());
  if (summary.status == Status::bad_start)
    return summary;
  end_ = at_;
  problem_.to_natural(end_.data(), work_);
  keep_bounds(natural_, centred_, at_.data(), end_.data());
  if (std::all_of(end_.begin(), end_.end(), [](double x) { return std::isfinite(x); }))
    std::copy(end_.begin(), end_.end(), theta);
  else // an amplitude far from its rows may have no number: no answer to give
    summary.status = Status::bad_start;
  return summary;
}

} // namespace lawfit
