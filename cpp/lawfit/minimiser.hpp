// One problem minimised again and again, each time from one start, with nothing allocated.
#pragma once

#include <vector>

#include "lawfit/bounds.hpp"
#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

class Minimiser {
public:
  // The problem must outlive it. Options in natural coordinates.
  Minimiser(const Problem &problem, const SolverOptions &options);

  // theta: the start, in natural coordinates and inside the bounds; becomes the minimum, unless the
  // law has no value at it. For one thread at a time.
  SolverSummary solve(std::vector<double> &theta, Cancel &cancel);

private:
  const Problem &problem_;
  SolverOptions natural_, centred_;
  Problem::Workspace work_;
  LevenbergMarquardt solver_;
  std::vector<double> at_;
};

} // namespace lawfit
