// Functions of the parameters in which a sum of powers is linear near an anchor θ0. A term c·S1^e
// is expanded in e alone: with x = log S1 and x̄ the middle of the rows,
//   c·S1^e = exp(e0·x)·Σ_j ψ_j·(x − x̄)^j,  ψ_j = c·exp(Δe·x̄)·Δe^j/j!,
// whatever happens to c. The features are φ = ψ(θ) − ψ(θ0).
#pragma once

#include <vector>

#include "lawfit/power_pass.hpp"

namespace lawfit {

// Powers of Δe kept, and how many features that may make.
constexpr int expansion_order = 3, max_features = 16;

class PowerFeatures {
public:
  explicit PowerFeatures(const PowerSum &law);

  struct Feature {
    int term, power;
  };
  int size() const { return static_cast<int>(features_.size()); }
  const Feature &operator[](int k) const { return features_[static_cast<std::size_t>(k)]; }
  const PowerTerm &term(int k) const {
    return law_.terms[static_cast<std::size_t>((*this)[k].term)];
  }

  // Starts anew at an anchor, where all features are 0.
  void anchor(const double *theta, double middle);
  const double *anchor() const { return anchor_; }
  double middle() const { return middle_; }
  // ∂φ_k/∂e at the anchor, by the parameter that the exponent is.
  double anchored_slope(int k) const;

  // Features and their derivatives at theta.
  void place(const double *theta);
  double operator()(int k) const { return value_[k]; }
  // What φ_k has beyond its linear part at the anchor.
  double bend(int k) const { return bend_[k]; }
  // Of the term of a feature: Δe, and |c·exp(Δe·x̄)|.
  double exponent_change(int k) const { return exponent_change_[(*this)[k].term]; }
  double carried(int k) const { return carried_[(*this)[k].term]; }
  // Adds derivatives by the features, of which the second are a lower triangle, as derivatives by
  // the parameters.
  void chain(const double *first, const double *second, Evaluation &out) const;

private:
  void spread(int k, double value, double *by_parameter) const;

  const PowerSum &law_;
  std::vector<Feature> features_;
  double anchor_[max_power_parameters] = {}, middle_ = 0;
  double value_[max_features] = {}, bend_[max_features] = {};
  double exponent_change_[max_power_terms] = {}, carried_[max_power_terms] = {};
  // By the term's coefficient, by its exponent, by both, and twice by the exponent.
  double by_c_[max_features] = {}, by_e_[max_features] = {};
  double by_ce_[max_features] = {}, by_ee_[max_features] = {};
};

} // namespace lawfit
