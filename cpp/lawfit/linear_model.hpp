// An objective near a point, its residuals taken as linear and rho as it is.
#pragma once

#include <cstdint>
#include <vector>

#include "lawfit/problem.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit {

// Huber's rho with a narrow delta has hardly any curvature of its own: rows change sides with every
// small step, which no quadratic model of the objective sees and this one does, at no cost of
// exponentials.
//   m(d) = Σ_i c_i·w_i·rho(r_i + j_iᵀd) + dᵀC·d/2,  C = Σ w·rho'·∂²r, as it is with all c_i = 1
class LinearModel {
public:
  // One thread's scratch space.
  class Workspace {
  public:
    explicit Workspace(const Problem &largest);

  private:
    friend class LinearModel;
    std::size_t rows = 0; // that count
    std::vector<double> weight, residual, trial, score, weighed, curvature, zero, jacobian;
    std::vector<std::size_t> kept;
  };

  // Room for the rows of `largest`, the only one a model is made of.
  explicit LinearModel(const Problem &largest);

  // `at`: what problem.evaluate() found at theta with order 2. False where there is no such model:
  // the loss is no function of a residual, or something is not finite.
  bool describe(const Problem &problem, const double *theta, const Evaluation &at,
                Problem::Workspace &work, Cancel &cancel, Workspace &own);

  // The minimum d of m(d) + damping·dᵀD·d/2, D the diagonal of Gauss–Newton's matrix, for row i
  // counting times[i] times (null: once); parameters that are not `free` stay. 0 where no better
  // one is found.
  void minimise(const std::uint32_t *times, const unsigned char *free, double damping, double *d,
                Workspace &work) const;

private:
  struct Point;
  double weigh(const std::vector<double> &residual, Workspace &work) const;
  double bent(const double *d, double damping) const;
  void take_rows(const std::uint32_t *times, Workspace &work) const;
  void differentiate(const double *d, double damping, const Workspace &work, Point &at) const;
  double find_step(const Point &at, const unsigned char *free, double damping, double *s) const;

  int p_;
  std::size_t rows_ = 0, stride_ = 0; // stride_: rows, rounded up to a multiple of 8
  simd::Weighing weighing_;
  std::vector<double> residual_, weight_, jacobian_; // jacobian_: ∂r/∂θ_k at k*stride_
  std::vector<double> bend_, diagonal_;              // C and D
};

} // namespace lawfit
