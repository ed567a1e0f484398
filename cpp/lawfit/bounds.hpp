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
  return natural;
}

// A point of the search in natural coordinates, on the bounds that it is on. An amplitude that
// vanishes in centred coordinates may do so below its natural bound, and a logarithm on its bound
// come back beside it.
inline std::vector<double> to_natural(const Problem &problem, const SolverOptions &natural,
                                      const SolverOptions &centred,
                                      const std::vector<double> &theta) {
  std::vector<double> out = theta;
  problem.to_natural(out);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = theta[i] <= centred.lower[i] ? natural.lower[i]
             : theta[i] >= centred.upper[i]
                 ? natural.upper[i]
                 : std::clamp(out[i], natural.lower[i], natural.upper[i]);
  return out;
}

} // namespace lawfit
