// The solver: one start to one local minimum, within bounds.
#pragma once

#include <memory>
#include <vector>

#include "lawfit/problem.hpp"
#include "lawfit/status.hpp"

namespace lawfit {

struct SolverOptions {
  std::vector<double> lower, upper; // of each free parameter; may be infinite
  int max_iterations = 1000;
  // Stop when the predicted decrease, gᵀA⁻¹g/2, is below this share of the objective, then polish
  // to rounding. It is invariant to the scale of the objective and of every parameter.
  double tolerance = 1e-14;
};

struct SolverSummary {
  Status status = Status::bad_start;
  double objective = 0;
  bool stopped = false; // by the observer
  int iterations = 0;
  int evaluations = 0;
};

// Told of every accepted point; true ends the solve there.
class Observer {
public:
  virtual ~Observer() = default;
  virtual bool operator()(const double *theta, double objective) = 0;
};

// Levenberg–Marquardt with the columns scaled as in MINPACK (Moré 1978). Far from the minimum its
// matrix is the robust Gauss–Newton one (iteratively reweighted least squares), near it the exact
// Hessian where that is positive definite. Allocates when built, never in solve().
class LevenbergMarquardt {
public:
  explicit LevenbergMarquardt(const SolverOptions &options);

  // theta: the start, inside the bounds; becomes the minimum.
  SolverSummary solve(Objective &objective, double *theta, Observer *observer = nullptr);

private:
  struct Step {
    bool ok = false;
    double predicted = 0; // decrease of the quadratic model
    double shift[max_parameters];
  };

  Step step(const double *matrix, double damping) const;
  Step best_step(bool newton, double damping) const;
  void scale_columns();
  bool try_step(Objective &objective, const Step &step, int order, SolverSummary &summary);
  bool is_minimum(bool newton, double tolerance) const;
  bool moves(const Step &step) const;
  void polish(Objective &objective, SolverSummary &summary);
  Status search(Objective &objective, Observer *observer, SolverSummary &summary);

  SolverOptions options_;
  int p_;
  double rounding_ = 0;
  std::unique_ptr<Evaluation> now_, next_;
  double scale_[max_parameters];
  double at_[max_parameters], trial_[max_parameters];
};

} // namespace lawfit
