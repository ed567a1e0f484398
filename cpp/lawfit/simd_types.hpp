// What functions of simd.hpp take and give beyond arrays.
#pragma once

#include <cstddef>

namespace lawfit::simd {

// The kernel G of a row's loss drop (loss_drop.hpp).
struct DropKernel {
  double c, beta;
  double area_high, area_low; // S + before
};

// Where it is summed; `power` is η^−γ. The arrays go on for sum_parts − 1 elements after a run, which
// are read and not summed.
struct DropNodes {
  const double *power, *log_rate, *weight, *before_high, *before_low;
};

// The n nodes from `first` on.
struct DropRun {
  std::size_t first, n;
};

// The sums of G, its first and its second derivatives. Those by γ follow from sums with a factor of
// log η (`rate`) or its square (`rate2`).
enum DropSum {
  drop,
  by_c,
  by_beta,
  rate_by_c,
  by_cc,
  by_beta_c,
  by_beta_beta,
  rate_by_cc,
  rate_by_beta_c,
  rate2_by_c,
  rate2_by_cc,
  drop_sums
};

// Sums are taken in parts, element i in part i mod 8, so that their association, and with it their
// bits, is the same for vectors of every width.
constexpr std::size_t sum_parts = 8;

struct alignas(64) DropSums {
  double part[drop_sums][sum_parts];
};

} // namespace lawfit::simd
