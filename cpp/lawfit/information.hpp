// What rows say of the parameters at a minimum, and what follows for their errors.
#pragma once

#include <vector>

#include "lawfit/covariance.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// Which of some columns the rows determine.
struct Rank {
  int rank = 0;
  double condition = 1; // of the columns scaled to length 1; infinite where the rank is not full
  bool undetermined[max_parameters] = {}; // takes part in a direction that changes no prediction
  bool held[max_parameters] = {};         // one for each such direction; the others are independent
};

// The Jacobian of residuals as the triangle of its QR factorisation, the scores' second moments and
// the objective's matrices, over the parameters `free`: those not at a bound.
struct Information {
  Information() = default;
  // theta: natural coordinates. order: the parameters in the order that `free` takes them.
  Information(const Problem &problem, const double *theta, const std::vector<bool> &at_bound,
              const std::vector<int> &order, Cancel &cancel);

  // Of the leading columns.
  Rank rank(int columns) const;
  // Narrows `free` and what is over it to the columns not held.
  void keep(const bool *held);
  // Sets `length` from the triangle.
  void measure();

  struct AtBound {
    int parameter;
    double length; // of its column
  };

  int parameters = 0; // of the problem
  int count = 0, free[max_parameters];
  double reach[max_parameters];  // how far each of `parameters` may be thought to move
  double length[max_parameters]; // of columns, by which they are scaled
  double triangle[max_parameters * max_parameters] = {}; // R, count×count
  double meat[max_parameters * max_parameters] = {};     // Σ ψ²jjᵀ, lower triangle, count×count
  std::vector<AtBound> bound;
  std::vector<bool> undetermined; // known to be, of all parameters
  Evaluation at;
  double rounding = 0; // of predictions, in the unit of a column times its reach
  double rows = 0;
  int eliminated = 0; // rank of parameters that were taken out before
  bool squared = false;
};

// The covariance by the fields of Covariance.
Covariance conclude(Information information);

} // namespace lawfit
