// Coordinates in which a sum of powers is easier fitted: with log S1 taken from the middle of its
// range, and A·S1^-α by the term's value there instead of by A, the valley of α and A is straight.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "lawfit/power_sum.hpp"

namespace lawfit {

class PowerCentre {
public:
  explicit PowerCentre(PowerSum law) : law_(std::move(law)) {}

  // From here on, and the law for log S1 − middle(). Where a term's exponent is free but its
  // coefficient is not, or stands elsewhere too, or has a bound other than 0, middle() stays 0.
  PowerSum at(double middle, const std::vector<double> &lower, const std::vector<double> &upper) {
    PowerSum centred = law_;
    const auto &terms = law_.terms;
    const auto scales = [&](int k) {
      const auto at = static_cast<std::size_t>(k);
      const auto is_end = [](double bound) { return bound == 0 || std::isinf(bound); };
      return is_end(lower[at]) && is_end(upper[at]);
    };
    const auto uses = [&](int k) {
      return std::count_if(terms.begin(), terms.end(), [&](const PowerTerm &term) {
        return term.coefficient == k || term.exponent == k;
      });
    };
    for (const PowerTerm &term : terms)
      if (term.exponent >= 0 &&
          (term.coefficient < 0 || uses(term.coefficient) > 1 || !scales(term.coefficient)))
        return centred;
    middle_ = middle;
    for (PowerTerm &term : centred.terms)
      if (term.exponent < 0)
        term.factor *= std::exp(term.shift * middle);
    return centred;
  }

  double middle() const { return middle_; }
  void to_centred(double *theta) const { rescale(theta, middle_); }
  void to_natural(double *theta) const { rescale(theta, -middle_); }

private:
  void rescale(double *theta, double by) const {
    if (by == 0)
      return;
    for (const PowerTerm &term : law_.terms)
      if (term.exponent >= 0)
        theta[term.coefficient] *= std::exp(term.e(theta) * by);
  }

  PowerSum law_; // for log S1 as it is
  double middle_ = 0;
};

} // namespace lawfit
