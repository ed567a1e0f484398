// The forward-momentum law's area (arXiv 2512.13705), of one schedule at some of its steps: the sum
// of the update directions that Adam would take on the decreases of the LR. With every step of
// length 1, δ_i = η_{i−1} − η_i and i counted from 1 at the first decrease,
//   m_i = β1·m_{i−1} + (1 − β1)·δ_i,         m̂ = m_i/(1 − β1^i),
//   v_i = β2·v_{i−1} + (1 − β2)·1e5·δ_i²,    v̂ = v_i/(1 − β2^i),
//   M_i = M_{i−1} + m̂/(√(v̂ + 1e-8) + 1e-8).
// The source scales v by 1e5; this reads it as a factor of δ², which v's linearity makes the same
// as a factor of v or of v̂.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lawfit/row_function.hpp"
#include "lawfit/schedule.hpp"

namespace lawfit {

// Every evaluation walks the schedule, which must outlive this, in blocks: no memory beyond the
// rows. A Schedule::tabulated one saves the cosines. Sums are compensated. Immutable, so threads
// may share it.
class MomentArea {
public:
  // Rows are n non-decreasing steps. Warmup::peak: the warm-up's LR count as the peak; skip: the
  // first decrease is that after step W. Throws std::invalid_argument for steps outside the
  // schedule.
  MomentArea(const Schedule &schedule, Warmup mode, const std::int64_t *at, std::size_t n);

  std::size_t rows() const { return at_.size(); }

  // Arguments β1, β2; NaN outside 0 <= β < 1.
  void evaluate(const double *arguments, int order, const RowValues &out, Cancel &cancel) const;

private:
  const Schedule &schedule_;
  Warmup mode_;
  std::vector<std::int64_t> at_;
};

} // namespace lawfit
