// A law as a sum of powers of the forward area, as the annealing law is: each term a coefficient
// times S1^e, and times S2 or not.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lawfit/program.hpp"
#include "lawfit/robust.hpp"

namespace lawfit {

constexpr int max_power_terms = 6, max_power_parameters = 6;

// c·S1^e or c·S1^e·S2, with c = factor·θ[coefficient] and e = shift + slope·θ[exponent]; an index
// of -1 stands for a factor of 1 and for no parameter.
struct PowerTerm {
  int coefficient = -1, exponent = -1;
  double factor = 1, shift = 0, slope = 0;
  bool annealing = false;

  double c(const double *theta) const {
    return coefficient < 0 ? factor : factor * theta[coefficient];
  }
  double e(const double *theta) const {
    return exponent < 0 ? shift : shift + slope * theta[exponent];
  }
};

struct PowerSum {
  std::vector<PowerTerm> terms;
  int parameters = 0; // free ones; indices of terms count these
  double lam = 0;     // of S2
};

// The law with those parameters that are not free at their values in theta; nothing where it is no
// such sum, has more than one λ, a free λ, or more terms or parameters than there is room for.
std::optional<PowerSum> read_power_sum(const Program &program, const std::vector<double> &theta,
                                       const std::vector<bool> &free);

// Rows of one curve, as such a law needs them. The target is y, or log y in log space.
struct PowerRows {
  std::vector<double> log_s1, s2, target;

  std::size_t size() const { return target.size(); }
  void clear();
  void append(double x, double area, double y);
};

// How residuals are taken and judged.
struct Residual {
  bool logarithmic = true; // log f - log y, otherwise f - y
  double delta = 1e-3;     // of Huber's function; infinite for the squared loss
};

} // namespace lawfit
