// Bootstraps: a problem refitted to its rows drawn with replacement, each as a whole number of
// times that a row counts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lawfit/descent.hpp"
#include "lawfit/linear_model.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

struct ResampleOptions {
  std::int64_t replicates = 0;
  std::uint64_t seed = 0;
  int threads = 0; // 0: as OpenMP says
  // Where rows are drawn apart, the first row of each part, ascending from 0; empty: together.
  std::vector<std::size_t> parts;
};

// Where the replicates go, natural coordinates: parameter j of replicate k at theta[j*stride + k].
// NaN where the law has no value at the start, or time was up.
struct Replicates {
  double *theta = nullptr;
  std::size_t stride = 0;
  double *objective = nullptr;
  std::int8_t *status = nullptr; // a Status

  // For replicates first … first+count-1 of p parameters: nothing found.
  void blank(std::size_t p, std::size_t first, std::size_t count, Status why) const;
};

// How many times each row counts in replicate k, which depends on the seed and k alone.
void draw_rows(const ResampleOptions &options, std::int64_t k, std::vector<std::uint32_t> &times);

// What all refits of a problem share.
class ResamplePlan {
public:
  // solver, theta: natural coordinates; theta is the minimum over all rows. `problem` must outlive
  // it.
  ResamplePlan(const Problem &problem, const SolverOptions &solver,
               const std::vector<double> &theta, Cancel &cancel);

private:
  friend class Refitter;
  static std::vector<double> centred(const Problem &problem, const SolverOptions &bounds,
                                     std::vector<double> theta);

  const Problem &problem_;
  SolverOptions natural_, centred_;
  std::vector<double> theta_; // centred
  LinearModel model_;
  bool foretells_ = false;
  bool doubtful_ = false; // whether all rows leave a parameter undetermined
};

// One thread's refits. Allocates when built, and not in refit() where the law has a Hessian.
class Refitter {
public:
  explicit Refitter(const ResamplePlan &plan, Cancel &cancel);
  ~Refitter();
  Refitter(const Refitter &) = delete;
  Refitter &operator=(const Refitter &) = delete;

  // Refits to the rows drawn for replicate k, to stand at `at` in `out`.
  void refit(const ResampleOptions &options, std::int64_t k, std::size_t at, const Replicates &out);

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// All replicates, the same bits for any number of threads; or as many as there is time for. Throws
// Cancelled.
void resample(const Problem &problem, const SolverOptions &solver, std::vector<double> theta,
              const ResampleOptions &options, const Replicates &out, Cancel &cancel);

} // namespace lawfit
