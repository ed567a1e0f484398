// Bounds in the coordinates of the search, and the way back within them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "lawfit/descent.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// The same with its bounds in centred coordinates.
inline SolverOptions to_centred(const Problem &problem, SolverOptions natural) {
  problem.take_logarithms(natural.lower);
  problem.take_logarithms(natural.upper);
  natural.linear = problem.linear();
  return natural;
}

// Sets a point in natural coordinates, which is theta in centred ones, on the bounds that theta is
// on. An amplitude that vanishes in centred coordinates may do so below its natural bound, and a
// logarithm on its bound come back beside it.
inline void keep_bounds(const SolverOptions &natural, const SolverOptions &centred,
                        const double *theta, double *out) {
  for (std::size_t i = 0; i < natural.lower.size(); ++i)
    out[i] = theta[i] <= centred.lower[i] ? natural.lower[i]
             : theta[i] >= centred.upper[i]
                 ? natural.upper[i]
                 : std::clamp(out[i], natural.lower[i], natural.upper[i]);
}

// A point of the search in natural coordinates.
inline std::vector<double> to_natural(const Problem &problem, const SolverOptions &natural,
                                      const SolverOptions &centred,
                                      const std::vector<double> &theta) {
  std::vector<double> out = theta;
  problem.to_natural(out);
  keep_bounds(natural, centred, theta.data(), out.data());
  return out;
}

} // namespace lawfit
