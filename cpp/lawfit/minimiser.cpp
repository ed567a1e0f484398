#include "lawfit/minimiser.hpp"

#include <algorithm>

#include "lawfit/bounds.hpp"
#include "lawfit/problem_objective.hpp"

namespace lawfit {

Minimiser::Minimiser(const Problem &problem, const SolverOptions &options)
    : problem_(problem), natural_(options), centred_(to_centred(problem, options)),
      work_(problem, Coordinates::centred), solver_(centred_), at_(options.lower.size()) {}

SolverSummary Minimiser::solve(double *theta, Cancel &cancel) {
  std::copy_n(theta, at_.size(), at_.begin());
  problem_.to_centred(at_.data(), work_);
  ProblemObjective objective(problem_, work_, cancel);
  const SolverSummary summary = solver_.solve(objective, at_.data());
  if (summary.status == Status::bad_start)
    return summary;
  std::copy_n(at_.begin(), at_.size(), theta);
  problem_.to_natural(theta, work_);
  keep_bounds(natural_, centred_, at_.data(), theta);
  return summary;
}

} // namespace lawfit
