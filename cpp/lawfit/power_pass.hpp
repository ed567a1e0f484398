// The objective of a sum of powers over rows, evaluated exactly: one pass over their logarithms and
// areas, nothing kept between two.
#pragma once

#include <cstddef>
#include <memory>

#include "lawfit/evaluator.hpp"
#include "lawfit/power_sum.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// A law's terms without their coefficients, and its value, over a block of rows: whole_parts of
// them, of which what lies beyond the block's own is of no use.
struct PowerBlock {
  alignas(64) double shape[max_power_terms][block_rows];
  alignas(64) double value[block_rows];

  void fill(const PowerSum &law, const double *theta, const double *log_s1, const double *s2,
            std::size_t n);
};

// What sums of p parameters start from.
void clear(Evaluation &out, int p);

enum class Matrices { hessian, both }; // both: the one of robust Gauss–Newton too

class PowerPass {
public:
  // Both must outlive the pass.
  PowerPass(const PowerSum &law, const Residual &residual);
  ~PowerPass();

  // Adds the rows first … first + n − 1 to `out`, whose matrices have both triangles filled. False,
  // with `out` of no use, where the law is not above 0 in log space, or not finite.
  bool add(const PowerRows &rows, std::size_t first, std::size_t n, const double *theta,
           Evaluation &out, Matrices matrices = Matrices::hessian);

private:
  struct Block;
  double add_block(const PowerRows &rows, std::size_t first, std::size_t n, const double *theta,
                   Matrices matrices);
  template <bool logarithmic> double weigh(const double *target, std::size_t n);
  void weigh_gauss_newton(std::size_t n);
  void add_bent(const double *log_s1, const double *theta, std::size_t n);

  const PowerSum &law_;
  const Residual &residual_;
  std::unique_ptr<Block> block_;
  double gradient_[max_power_parameters];
  double gauss_newton_[max_power_parameters * max_power_parameters];
  double hessian_[max_power_parameters * max_power_parameters];
};

} // namespace lawfit
