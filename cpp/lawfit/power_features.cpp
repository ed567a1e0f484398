#include "lawfit/power_features.hpp"

#include <algorithm>
#include <cmath>

namespace lawfit {

PowerFeatures::PowerFeatures(const PowerSum &law) : law_(law) {
  for (int t = 0; t < static_cast<int>(law.terms.size()); ++t) {
    const PowerTerm &term = law.terms[static_cast<std::size_t>(t)];
    const int powers = term.exponent >= 0 ? expansion_order + 1 : term.coefficient >= 0 ? 1 : 0;
    for (int j = 0; j < powers; ++j)
      features_.push_back({t, j});
  }
}

void PowerFeatures::anchor(const double *theta, double middle) {
  std::copy_n(theta, law_.parameters, anchor_);
  middle_ = middle;
  place(theta);
}

double PowerFeatures::anchored_slope(int k) const {
  const PowerTerm &of = term(k);
  const int j = (*this)[k].power;
  return j > 1 ? 0.0 : of.slope * of.c(anchor_) * (j == 0 ? middle_ : 1.0);
}

void PowerFeatures::place(const double *theta) {
  double carry = 1, moment[expansion_order + 1] = {1};
  for (int k = 0; k < size(); ++k) {
    const PowerTerm &of = term(k);
    const int t = (*this)[k].term, j = (*this)[k].power, e = of.exponent;
    const double c = of.c(theta), step = e < 0 ? 0.0 : theta[e] - anchor_[e];
    if (j == 0) {
      exponent_change_[t] = of.slope * step;
      carry = e < 0 ? 1.0 : std::exp(exponent_change_[t] * middle_);
      for (int m = 1; m <= expansion_order; ++m)
        moment[m] = moment[m - 1] * exponent_change_[t] / m;
      carried_[t] = std::abs(c * carry);
    }
    const double now = moment[j], before = j >= 1 ? moment[j - 1] : 0.0,
                 long_before = j >= 2 ? moment[j - 2] : 0.0;
    const double by_e = of.slope * carry * (middle_ * now + before);
    value_[k] = c * carry * now - (j == 0 ? of.c(anchor_) : 0.0);
    by_c_[k] = of.factor * carry * now;
    by_e_[k] = c * by_e;
    by_ce_[k] = of.factor * by_e;
    by_ee_[k] = c * of.slope * of.slope * carry *
                (middle_ * middle_ * now + 2 * middle_ * before + long_before);
    double linear = anchored_slope(k) * step;
    if (j == 0 && of.coefficient >= 0)
      linear += of.factor * (theta[of.coefficient] - anchor_[of.coefficient]);
    bend_[k] = value_[k] - linear;
  }
}

// Adds value·∂φ_k/∂θ.
void PowerFeatures::spread(int k, double value, double *by_parameter) const {
  const PowerTerm &of = term(k);
  if (of.coefficient >= 0)
    by_parameter[of.coefficient] += value * by_c_[k];
  if (of.exponent >= 0)
    by_parameter[of.exponent] += value * by_e_[k];
}

void PowerFeatures::chain(const double *first, const double *second, Evaluation &out) const {
  const int p = law_.parameters, q = size();
  double half[max_features * max_power_parameters]; // second·∂φ/∂θ
  std::fill_n(half, q * p, 0.0);
  for (int k = 0; k < q; ++k) {
    const int c = term(k).coefficient, e = term(k).exponent;
    spread(k, first[k], out.gradient);
    if (e >= 0)
      out.hessian[e * p + e] += first[k] * by_ee_[k];
    if (c >= 0 && e >= 0) {
      out.hessian[c * p + e] += first[k] * by_ce_[k];
      out.hessian[e * p + c] += first[k] * by_ce_[k];
    }
    for (int l = 0; l <= k; ++l) {
      spread(l, second[k * q + l], half + k * p);
      if (l != k)
        spread(k, second[k * q + l], half + l * p);
    }
  }
  for (int k = 0; k < q; ++k) {
    const int c = term(k).coefficient, e = term(k).exponent;
    for (int j = 0; c >= 0 && j < p; ++j)
      out.hessian[c * p + j] += by_c_[k] * half[k * p + j];
    for (int j = 0; e >= 0 && j < p; ++j)
      out.hessian[e * p + j] += by_e_[k] * half[k * p + j];
  }
}

} // namespace lawfit
