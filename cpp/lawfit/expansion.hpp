// The objective of a sum of powers near an anchor θ0, from sums over rows that are visited once.
//
// A term c·S1^e is expanded in e alone: with x = log S1 and x̄ the middle of the rows,
//   c·S1^e = exp(e0·x)·Σ_j φ_j·(x − x̄)^j,  φ_j = c·exp(Δe·x̄)·Δe^j/j!,
// so the law is linear in the features φ(θ), whatever happens to c. With a_i the features' columns
// over f_i(θ0), a row's relative change is u_i = a_i·(φ(θ) − φ(θ0)), and to third order in it
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
#include "lawfit/power_pass.hpp"

namespace lawfit {

// Powers of Δe kept, and how many features that may make.
constexpr int expansion_order = 3, max_features = 16;

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
  struct Feature {
    int term, power;
  };

  void prepare(const PowerRows &rows, std::size_t first, std::size_t n);
  void measure(std::size_t n);
  void classify(const PowerRows &rows, std::size_t first, std::size_t n);
  void note_bounds(const double *log_s1, std::size_t n);
  void place(const double *theta);
  void chain(Evaluation &out) const;
  double tail(double &by_exponent) const;
  double crossings(double move) const;

  const PowerSum &law_;
  const Residual &residual_;
  NearRows policy_;
  int p_, q_;
  std::vector<Feature> features_;
  std::unique_ptr<Block> block_;

  double theta_[max_power_parameters], factor_[max_power_parameters * max_power_parameters];
  double error_[max_power_parameters];                     // √(M⁻¹)_kk
  double radius_ = 0, middle_ = 0, half_ = 0, evenly_ = 0; // evenly: √(p/n)

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

  // At the parameters last evaluated.
  double phi_[max_features], bend_ = 0, move_ = 0, spread_ = 0;
  double by_coefficient_[max_features], by_exponent_[max_features];
  double mixed_[max_features], twice_[max_features];
  double power_change_[max_power_terms], carried_[max_power_terms]; // Δe, |c·exp(Δe·x̄)|
};

} // namespace lawfit
