// Where starts come from.
#pragma once

#include <vector>

#include "lawfit/multistart.hpp"

namespace lawfit {

// Start number k of a space-filling sequence over the ranges: the additive recurrence of the
// generalised golden ratio (Roberts 2018), shifted by the seed. Parameters to be eliminated are 0.
void draw_start(const MultistartOptions &options, std::int64_t k, double *theta);

// Linear parameters by weighted least squares of the law on the target, given the others, within
// their bounds. Looks at some 500 rows at most. False where the law has no finite value there.
bool eliminate(const Problem &problem, const SolverOptions &solver,
               const std::vector<StartRange> &ranges, double *theta, Problem::Workspace &work,
               Cancel &cancel);

} // namespace lawfit
