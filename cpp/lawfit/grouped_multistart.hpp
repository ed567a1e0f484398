// Starts of a fit across groups. A start is a set of shared values; given those, every group is
// fitted by itself, and then all are solved for together.
#pragma once

#include <cstdint>
#include <vector>

#include "lawfit/grouped.hpp"
#include "lawfit/multistart.hpp"

namespace lawfit {

struct GroupedOptions {
  // The first takes the medians of the shared parameters over fits of single groups, the others
  // draw those that are not linear.
  std::int64_t starts = 4;
  std::uint64_t seed = 0;
  int threads = 0; // 0: as OpenMP says
  // By group, of each free parameter of a problem; those of shared ones are the first group's.
  std::vector<std::vector<StartRange>> ranges;
};

struct GroupedSummary {
  std::vector<std::vector<double>> theta; // by group, in natural units; empty: no start had a value
  SolverSummary best;
  std::int64_t best_start = -1;
  std::int64_t asked = 0;
  std::int64_t run = 0;         // solved to their end
  std::int64_t failed = 0;      // no finite value at the start
  std::int64_t agreed = 0;      // ended at the best minimum
  std::int64_t evaluations = 0; // of the joint solves
  bool timed_out = false;       // before every start was over: the best found by then
};

// solver: the bounds are those of a problem's free parameters, the same in every group. Throws
// Cancelled.
GroupedSummary grouped_multistart(const Grouped &grouped, const SolverOptions &solver,
                                  const GroupedOptions &options, Cancel &cancel);

} // namespace lawfit
