// Covariance of a fit across groups, block by block: never the dense whole.
#pragma once

#include <vector>

#include "lawfit/covariance.hpp"
#include "lawfit/grouped.hpp"

namespace lawfit {

struct GroupedCovariance {
  // Of each group's free parameters, its own and the shared ones: the block of the whole fit's
  // covariance, as in Covariance. Squared loss: s² is that of all rows, n - p its n and the rank of
  // the whole. rank and condition are those of the block's information.
  std::vector<Covariance> groups;
  Covariance shared; // of the shared parameters alone; NaN where a matrix names another
};

// theta: by group, in natural coordinates; at_bound: by group, which parameters sit at a bound.
GroupedCovariance grouped_covariance(const Grouped &grouped,
                                     const std::vector<std::vector<double>> &theta,
                                     const std::vector<std::vector<bool>> &at_bound, int threads,
                                     Cancel &cancel);

} // namespace lawfit
