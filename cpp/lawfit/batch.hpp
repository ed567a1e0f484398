// Many small fits at once: one law over many groups of rows, each with parameters of its own, and
// bootstraps of each.
#pragma once

#include <cstdint>
#include <vector>

#include "lawfit/multistart.hpp"
#include "lawfit/resample.hpp"

namespace lawfit {

// Rows first[g] … first[g + 1] − 1 of `rows`, which are ascending rows of `data`, make group g.
struct Groups {
  const Program &program;
  const Data &data;
  const std::vector<double> &y, &weights; // weights may be empty
  std::vector<std::size_t> rows, first;

  std::size_t size() const { return first.size() - 1; }
};

struct BatchOptions {
  ProblemOptions problem;
  std::vector<double> theta; // of all parameters, as for a Problem; so are the next two
  std::vector<bool> free, may_centre;
  SolverOptions solver;
  std::int64_t starts = 0;                // of a group; 0: per_parameter for each nonlinear
  std::int64_t per_parameter = 8;         // parameter and once more, or one where there is none
  std::uint64_t seed = 0;                 // of the starts
  std::vector<std::vector<double>> given; // starts of the caller's own
  // Of each group, or once for all: for every parameter, those that are eliminated included.
  std::vector<std::vector<StartRange>> ranges;
  // Starts are run on every k-th row first where there are `coarse_starts` of them, the rows kept
  // are coarse_rows a parameter, and k is at least coarse_stride.
  std::int64_t coarse_starts = 0;
  std::size_t coarse_rows = 1, coarse_stride = 0; // coarse_stride = 0: never
  std::int64_t replicates = 0;                    // bootstraps of each group
  std::uint64_t resample_seed = 0;
  int threads = 0; // 0: as OpenMP says
};

// Where results go. Of G groups, p free parameters and R replicates: theta and errors p×G, the
// replicates p×G×R, all others one a group.
struct BatchResults {
  double *theta = nullptr, *errors = nullptr, *objective = nullptr;
  std::int8_t *status = nullptr; // a Status
  std::int64_t *agreed = nullptr, *asked = nullptr;
  Replicates replicates; // stride G·R; replicate k of group g at g·R + k
};

// The seed of group g's bootstraps.
std::uint64_t group_seed(std::uint64_t seed, std::size_t g);

// The same bits for any number of threads; where time is up, what there was time for, by `status`.
// Throws Cancelled.
void fit_batch(const Groups &groups, const BatchOptions &options, const BatchResults &out,
               Cancel &cancel);

} // namespace lawfit
