#include "lawfit/status.hpp"

namespace lawfit {

const char *status_name(Status status) noexcept {
  switch (status) {
  case Status::converged:
    return "converged";
  case Status::stalled:
    return "stalled";
  case Status::max_iterations:
    return "max_iterations";
  case Status::rank_deficient:
    return "rank_deficient";
  case Status::bad_start:
    return "bad_start";
  case Status::imprecise:
    return "imprecise";
  case Status::timeout:
    return "timeout";
  }
  return "unknown";
}

const char *status_sentence(Status status) noexcept {
  switch (status) {
  case Status::converged:
    return "Converged: the next step would change neither the parameters nor the objective beyond "
           "rounding.";
  case Status::stalled:
    return "Stalled: no step lowers the objective further within rounding, though the gradient is "
           "not negligible; the parameters may be less exact than usual.";
  case Status::max_iterations:
    return "Stopped at the iteration limit before converging; raise max_iterations or give starts "
           "closer to the solution.";
  case Status::rank_deficient:
    return "The data do not determine every parameter: some can change without changing any "
           "prediction; fix one of them or add data that tells them apart.";
  case Status::bad_start:
    return "The law has no finite value and derivatives at any start; check bounds, starts and the "
           "domain of the formula.";
  case Status::imprecise:
    return "Converged, but rounding in the law's own arithmetic leaves some parameter fewer than "
           "six digits; see precision, and write the law so that fewer of them cancel.";
  case Status::timeout:
    return "Stopped at the time limit with the best that was found by then, NaN where nothing was; "
           "raise timeout or ask for fewer starts.";
  }
  return "Unknown status.";
}

} // namespace lawfit
