// Many starts, one answer: designs of starts, elimination of linear parameters, merging of starts
// that fall into a known basin, and a reduction in order, so that the result has the same bits for
// any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "lawfit/levenberg_marquardt.hpp"

namespace lawfit {

// The range from which a free parameter's starts are drawn.
struct StartRange {
  enum class Kind {
    uniform,
    log,       // uniform in the logarithm
    mirrored,  // the same, with either sign
    eliminated // by linear least squares, given the others
  };
  Kind kind = Kind::uniform;
  double low = 0, high = 0;
};

struct MultistartOptions {
  std::int64_t starts = 16; // drawn from `ranges`; ignored where `given` is not empty
  std::uint64_t seed = 0;
  int threads = 0;                // 0: as OpenMP says
  std::vector<StartRange> ranges; // of each free parameter
  // Starts of the caller's own. Where one has a NaN the parameters to be eliminated are.
  std::vector<std::vector<double>> given;
  std::vector<std::int64_t> given_counts; // how many starts each stands for; empty: one
  // The same law over some of the rows: starts are run on it first, and those that end in different
  // minima there are run to the end on all rows; or every start is, where the law has no value on
  // all rows at one of these. Ignored where `given` is not empty.
  const Problem *coarse = nullptr;
};

struct MultistartSummary {
  std::vector<double> theta;
  SolverSummary best;
  std::int64_t best_start = -1;
  std::int64_t asked = 0;
  std::int64_t run = 0;    // solved to their end
  std::int64_t merged = 0; // stopped in the basin of a known minimum
  std::int64_t failed = 0; // no finite value at the start
  std::int64_t agreed = 0; // ended, or were merged, at the best minimum
  std::int64_t iterations = 0, evaluations = 0;
  bool timed_out = false; // before every start was over: the best found by then
};

// Throws Cancelled.
MultistartSummary multistart(const Problem &problem, const SolverOptions &solver,
                             const MultistartOptions &options, Cancel &cancel);

} // namespace lawfit
