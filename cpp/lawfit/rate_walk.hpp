// The LR of a schedule from its first step on, for the areas that look at every step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "lawfit/schedule.hpp"

namespace lawfit {

constexpr std::int64_t rate_block = 128;

// Consecutive steps. Constant ones have one LR for all of them, others at most rate_block.
struct RateStretch {
  std::int64_t first, steps;
  const double *lr;
  bool constant;
  bool begins; // a piece, where the schedule may have a kink

  double operator[](std::int64_t i) const { return lr[constant ? 0 : i]; }
};

// Hands the steps 0 … last to visit(RateStretch) in order. With Warmup::peak the warm-up's LR are
// those that stand in for it.
template <class Visit>
void walk_rates(const Schedule &schedule, Warmup mode, std::int64_t last, Cancel &cancel,
                Visit &&visit) {
  double lr[rate_block];
  std::int64_t step = 0;
  if (mode == Warmup::peak && schedule.warmup() > 0) {
    schedule.lr(std::min(schedule.warmup(), schedule.steps() - 1), 1, lr);
    step = std::min(schedule.warmup(), last + 1);
    visit(RateStretch{0, step, lr, true, true});
  }
  std::int64_t end = 0; // of the piece
  for (const Piece &piece : schedule.pieces()) {
    const std::int64_t first = end;
    end = std::min(end + piece.steps, last + 1);
    const bool constant = piece.shape == Shape::constant;
    while (step < end) {
      cancel.check();
      const std::int64_t n = constant ? end - step : std::min(end - step, rate_block);
      schedule.lr(step, constant ? 1 : static_cast<std::size_t>(n), lr);
      visit(RateStretch{step, n, lr, constant, step == first});
      step += n;
    }
  }
}

// The first step whose decrease η_{k−1} − η_k counts.
inline std::int64_t first_decrease(const Schedule &schedule, Warmup mode) {
  return mode == Warmup::skip ? schedule.warmup() + 1 : 1;
}

inline void check_rows(const Schedule &schedule, const std::int64_t *at, std::size_t n) {
  if (n > 0 && !(std::is_sorted(at, at + n) && at[0] >= 0 && at[n - 1] < schedule.steps()))
    throw std::invalid_argument("at must be non-decreasing steps of the schedule");
}

} // namespace lawfit
