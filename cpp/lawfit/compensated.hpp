// A sum that keeps what rounding takes from it (Neumaier 1974).
#pragma once

#include <cmath>

namespace lawfit {

class CompensatedSum {
public:
  void add(double x) {
    const double next = sum_ + x;
    lost_ += std::abs(sum_) >= std::abs(x) ? (sum_ - next) + x : (x - next) + sum_;
    sum_ = next;
  }
  double value() const { return sum_ + lost_; }

private:
  double sum_ = 0, lost_ = 0;
};

} // namespace lawfit
