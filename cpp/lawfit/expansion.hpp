// The objective of a sum of powers near an anchor θ0, from sums over rows that are visited once.
//
// The law is linear in the features φ(θ) of power_features.hpp, which are 0 at θ0. With a_i their
// columns over f_i(θ0), a row's relative change is u_i = a_i·φ(θ), and to third order in it
//   rho(r_i) = rho(r0) + w1·u + w2·u²/2 + w3·u³/6
// of which the sums Σ w1·a, Σ w2·aaᵀ, Σ w3·aaa are all that an evaluation needs.
//
// That holds while the row stays on its side of Huber's kinks. Let M be a matrix like the Hessian,
// d = θ − θ0, |d| its length by M, j_i the derivative of the residual, h_i = j_iᵀM⁻¹j_i its
// leverage. Then
//   |r_i(θ) − r_i(θ0)| <= 1.02·(|d|·√h_i + ζ),  ζ = Σ_k |φ_k − ∂φ_k/∂θ·d|·max_i |a_ik|
// (Cauchy and Schwarz; what φ bends; the logarithm's own bend, for |u| <= 0.01). A row for which
// this may exceed its distance to a kink while |d| <= radius and ζ <= radius·√(p/n) is `near`: it
// is kept apart, to be evaluated exactly. The others' gradient is off by e = Σ ε_i·j_i and what
// powers beyond the last leave out, and the minimum of the sum by the gap
//   eᵀH⁻¹e/2 <= (2·u²·√(Σ u_i²) + δ·u³·√n + √n·τ + σ)²/2,  u = 1.02·(|d|·√(max h) + ζ),
// where |ε_i| <= 2·|u_i|³ inside (11/6·u³ to leading order) and δ·|u_i|³ outside the kinks, τ
// bounds the tail's part of u and σ that of its derivative by e, and H is at least M up to a few
// per cent. Linear residuals have no u³.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lawfit/compensated.hpp"
#include "lawfit/power_features.hpp"

namespace lawfit {

enum class NearRows {
  kept_apart, // evaluated exactly by the caller
  as_anchored // summed as if they stayed where they are at the anchor, but for unusual leverage
};

class Expansion {
public:
  // Both must outlive it.
  Expansion(const PowerSum &law, const Residual &residual, NearRows policy);
  ~Expansion();

  // Whether the law has few enough features.
  static bool fits(const PowerSum &law);

  // Starts anew at theta. metric: M, symmetric, p×p, made positive definite if need be; rows have
  // log S1 from `least` to `most` and will number about `rows`.
  void begin(const double *theta, const double *metric, double radius, double least, double most,
             std::size_t rows);
  // The rows first … first + n − 1; n <= block_rows.
  void add(const PowerRows &rows, std::size_t first, std::size_t n);
  // After the last add() of several rows; single ones may still come.
  void finish();
  void append(const PowerRows &rows, std::size_t row);

  std::size_t rows() const { return rows_; }
  const PowerRows &near() const { return near_; }

  // Adds value, gradient and Hessian of the rows that are not near.
  void evaluate(const double *theta, Evaluation &out);

  // Of the parameters last evaluated at.
  struct Reach {
    double move; // |d|, or ζ in the same measure where that is larger
    double gap;  // the bound above, and where near rows are as anchored, of their error too
    bool inside; // within the radius
  };
  Reach reach() const;

private:
  struct Block;
  void prepare(const PowerRows &rows, std::size_t first, std::size_t n);
  void measure(std::size_t n);
  void classify(const PowerRows &rows, std::size_t first, std::size_t n);
  void note_bounds(const double *log_s1, std::size_t n);
  void place(const double *theta);
  double tail(double &by_exponent) const;
  double crossings(double move) const;

  const PowerSum &law_;
  const Residual &residual_;
  NearRows policy_;
  int p_;
  PowerFeatures features_;
  int q_; // features
  std::unique_ptr<Block> block_;

  double factor_[max_power_parameters * max_power_parameters]; // of M
  double error_[max_power_parameters];                         // √(M⁻¹)_kk
  double radius_ = 0, half_ = 0, evenly_ = 0;                  // half: max |x − x̄|; evenly: √(p/n)

  std::size_t rows_ = 0, summed_ = 0;
  PowerRows near_;
  CompensatedSum value_;
  double scores_ = 0, leverage_ = 0; // Σ|w1|, max h
  double gradient_[max_features], quadratic_[max_features * max_features];
  std::vector<double> blocks_;   // of the cubic form, a lower triangle for each leading feature
  std::vector<double> cubic_;    // T_abc of the pairs b <= a, for every c
  double largest_[max_features]; // max |a| of a term's first feature
  // Σ (√h + √(p/n))·√h of the rows whose kink is within so many halvings of the radius.
  static constexpr int shells = 40;
  double crossing_[shells];

  // At the parameters last evaluated: |d|, ζ and Σ u².
  double move_ = 0, bend_ = 0, spread_ = 0;
};

} // namespace lawfit
