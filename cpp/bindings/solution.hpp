// What a solve hands back to Python, of one problem or of one group among many.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "lawfit/covariance.hpp"
#include "lawfit/multistart.hpp"
#include "lawfit/refine.hpp"

struct Solution {
  lawfit::MultistartSummary search;
  lawfit::Covariance covariance;
  std::vector<bool> at_lower, at_upper;
  // Of each free parameter, as of a Refinement; NaN where it is not known.
  std::vector<double> precision;
  std::vector<double> residuals; // where they are known better than by the law's own rounding

  // Sets at_lower and at_upper; true where a parameter sits at either.
  std::vector<bool> mark_bounds(const std::vector<double> &lower, const std::vector<double> &upper);
  // As the search ended, unless the data do not determine what it ended at, or rounding does.
  lawfit::Status status() const;
  // Takes the minimum with all its digits, where more were found.
  void take(lawfit::Refinement found);
};

// (kind, low, high)
using RangeTuple = std::tuple<std::string, double, double>;
std::vector<lawfit::StartRange> ranges_from(const std::vector<RangeTuple> &ranges);
