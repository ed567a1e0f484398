// The areas of a schedule at ever later steps, each reached from the one before.
#pragma once

#include <cstdint>
#include <memory>

#include "lawfit/schedule.hpp"

namespace lawfit {

struct StepAreas {
  double s1 = 0, s2 = 0;
};

class AreaCursor {
public:
  // Throws std::invalid_argument for a λ outside [0, 1].
  AreaCursor(std::shared_ptr<const Schedule> schedule, double lam, Warmup mode);
  AreaCursor(AreaCursor &&) noexcept;
  AreaCursor &operator=(AreaCursor &&) noexcept;
  ~AreaCursor();

  // The same bits as Schedule::areas asked for these steps together, up to its rounding. `step` is
  // one of the schedule's, later than any read before.
  StepAreas read(std::int64_t step);

private:
  struct Walk;
  std::unique_ptr<Walk> walk_;
};

} // namespace lawfit
