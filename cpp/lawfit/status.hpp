// What a solve can end as. Every value is a sentence a person can act on.
#pragma once

namespace lawfit {

enum class Status : int {
  converged,      // the step and the predicted decrease are at rounding level
  stalled,        // no lower objective within rounding, but the gradient is not yet negligible
  max_iterations, // the iteration limit came first
  rank_deficient, // converged, but the data do not determine every parameter
  bad_start,      // objective or derivatives not finite at every start
  imprecise,      // converged, but rounding leaves some parameter few digits
  timeout,        // the time limit came first
};
constexpr Status statuses[] = {Status::converged,      Status::stalled,   Status::max_iterations,
                               Status::rank_deficient, Status::bad_start, Status::imprecise,
                               Status::timeout};

// A stable identifier ("converged") and a full sentence for people.
const char *status_name(Status status) noexcept;
const char *status_sentence(Status status) noexcept;

inline bool is_success(Status status) noexcept {
  return status == Status::converged || status == Status::stalled || status == Status::imprecise;
}

} // namespace lawfit
