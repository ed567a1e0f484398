// The part of a convex last-iterate bound that the schedule alone decides (Schaipp et al., arXiv
// 2501.18965): after the updates 1 … T = t + 1, with squared gradient norms G_k²,
//   mean = Σ_{k≤T} η_k²·G_k² / (2·Σ_{k≤T} η_k),
//   last = ½·Σ_{k<T} [η_k/Σ_{j>k} η_j]·[Σ_{j≥k} η_j²·G_j²/Σ_{j≥k} η_j].
#pragma once

#include <cstddef>
#include <cstdint>

#include "lawfit/schedule.hpp"

namespace lawfit {

// Both areas at n non-decreasing steps; either output may be null. squared_norms: G² of every step
// of the schedule, finite and not negative, or null where all are 1. Each row costs a pass over the
// steps before it, at about 2 ns a step; memory is 48 bytes a step.
//
// A step whose LR is 0 adds 0, and so does a row before which all are. Where the LR ends at 0,
// `last` is infinite: the last step above 0 has nothing after it. Terms are positive and their
// sums compensated, so errors stay at a few ulp of the result. Throws std::invalid_argument for
// steps outside the schedule and for rows beyond step 2^27.
void bound_areas(const Schedule &schedule, const std::int64_t *at, std::size_t n,
                 const double *squared_norms, double *mean, double *last, Cancel &cancel);

} // namespace lawfit
