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

// The residuals near 0 on which the Hessian of a robust loss with a narrow delta is estimated: few
// lie within delta, so the exact Hessian rests on little. The share 1.295·n^(−1/5) that is least is
// taken, Bofinger's bandwidth for a density at the median (Koenker 2005, Quantile Regression,
// section 3.4), and H = (delta/h)·(1 − p/m)·Σ w·jjᵀ over these m, with h the largest of them, as
// Powell's. 1 − p/m makes up for the p residuals that a fit of nearly absolute values sets to
// nearly zero.
struct Band {
  // sizes: |residual| of every row.
  Band(std::vector<double> sizes, double delta);

  double h = 0;
  double m = 0;
  double share = 0; // delta/h, or 0 where h <= delta: the Hessian itself is then as good
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
  // Sets the Hessian: the band's estimate, if it has one, p parameters having been fitted.
  void smooth(const Problem &problem, const double *theta, const Band &band, int p, Cancel &cancel);
  bool is_robust() const { return loss == Loss::huber || loss == Loss::soft_l1; }
  // Sets `length` from the triangle.
  void measure();
  void spread(const double *from, double *to) const;

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
  std::vector<double> sizes;      // |residual| of every row, for the band of a robust loss
  Evaluation at;
  double noise = 0;    // of derivatives, relatively
  double rounding = 0; // of predictions, in the unit of a column times its reach
  double rows = 0;
  int eliminated = 0; // rank of parameters that were taken out before
  Loss loss = Loss::squared;
};

// The covariance by the fields of Covariance.
Covariance conclude(Information information);

} // namespace lawfit
