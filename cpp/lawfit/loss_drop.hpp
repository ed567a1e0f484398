// The loss drop of the multi-power law (arXiv 2503.12811), of one schedule at some of its steps:
//   D(t) = Σ_{1≤k≤t} (η_{k−1} − η_k)·G(η_k^−γ·S_k(t)),  G(x) = 1 − (1 + C·x)^−β,
//   S_k(t) = Σ_{τ=k..t} η_τ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lawfit/drop_panels.hpp"
#include "lawfit/row_function.hpp"
#include "lawfit/schedule.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit {

// Work is near-linear: the steps at which the LR changes (others add nothing) once, then for every
// evaluation the rows times the logarithm of these steps. Memory is a few hundred bytes for each of
// them, and up to 1 MB. Against the plain sum, the value is off by less than 1e-11 of the same sum
// taken of its terms' sizes, and a derivative by less than 1e-9 of its own, for C >= 0, β <= 2 and
// |γ| <= 2 (at the parameters the source publishes, 1e-12 and 1e-10). Where the LR has more noise
// than single precision's, and with Detail::exact, the plain sum is taken: quadratic, and exact but
// for rounding. With Detail::coarse, at C of 0.1 … 20, β of 0.2 … 1.5 and γ of 0.2 … 1.2, the value
// is off by less than 1e-3 of that sum. Immutable, so threads may share it.
//
// Limits: a step with S_k(t) = 0 adds nothing. A step with η_k = 0 < S_k(t) adds its whole
// decrease if γ > 0 (and C, β > 0), nothing if γ < 0, and no derivative by γ.
class LossDrop {
public:
  // Rows are n non-decreasing steps. Warmup::peak: the warm-up's LR count as the peak, so they add
  // to S and drop nothing; Warmup::skip: drops start after step W. Throws std::invalid_argument for
  // steps outside the schedule and for more than 2^27 steps at which the LR changes.
  LossDrop(const Schedule &schedule, Warmup mode, const std::int64_t *at, std::size_t n,
           Detail detail, Cancel &cancel);

  std::size_t rows() const { return rows_.size(); }

  // Arguments C, β, γ; NaN for C or β below 0, and where one is not finite.
  void evaluate(const double *arguments, int order, const RowValues &out, Cancel &cancel) const;

private:
  void keep_runs(Cancel &cancel);

  std::vector<DropRow> rows_;
  DropPanels panels_;
  // The nodes of the first rows, as many as there is room for: row i's are the runs from
  // row_runs_[i] to row_runs_[i + 1]. Those of others are found at every evaluation.
  std::vector<simd::DropRun> runs_;
  std::vector<std::size_t> row_runs_ = {0};
};

} // namespace lawfit
