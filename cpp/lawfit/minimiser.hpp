// One problem minimised again and again, each time from one start.
#pragma once

#include <vector>

#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/prior.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// Allocates when built, never in solve(). For one thread at a time.
class Minimiser {
public:
  // The problem must outlive it. Bounds in natural coordinates. With a prior its term is part of
  // the objective, and the search is in natural coordinates, where that term is quadratic. Throws
  // std::invalid_argument for a prior of another number of parameters.
  Minimiser(const Problem &problem, const SolverOptions &options, Prior prior = {});

  // theta: the start, in natural coordinates and within the bounds; becomes the minimum, unless the
  // law has no value at it or the minimum is beyond what doubles hold.
  SolverSummary solve(double *theta, Cancel &cancel);

private:
  const Problem &problem_;
  Prior prior_;
  SolverOptions natural_, searched_; // the same bounds, and those in the search's coordinates
  Problem::Workspace work_;
  LevenbergMarquardt solver_;
  std::vector<double> at_, end_;
};

} // namespace lawfit
