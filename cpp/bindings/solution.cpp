#include "solution.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

using namespace lawfit;

std::vector<bool> Solution::mark_bounds(const std::vector<double> &lower,
                                        const std::vector<double> &upper) {
  std::vector<bool> either;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    at_lower.push_back(search.theta[i] <= lower[i]);
    at_upper.push_back(search.theta[i] >= upper[i]);
    either.push_back(at_lower[i] || at_upper[i]);
  }
  return either;
}

Status Solution::status() const {
  if (search.timed_out)
    return Status::timeout;
  if (search.theta.empty())
    return Status::bad_start;
  const Status found = covariance.status(search.best.status);
  const bool imprecise = std::any_of(precision.begin(), precision.end(),
                                     [](double share) { return share > imprecise_share; });
  return imprecise && is_success(found) ? Status::imprecise : found;
}

void Solution::take(Refinement found) {
  precision = std::move(found.precision);
  if (!found.theta.empty())
    search.theta = std::move(found.theta);
  if (!found.exact)
    return;
  search.best.objective = found.objective;
  search.best.status = Status::converged;
  covariance.rescale(found.objective);
  residuals = std::move(found.residuals);
}

std::vector<StartRange> ranges_from(const std::vector<RangeTuple> &ranges) {
  using Kind = StartRange::Kind;
  static const std::pair<const char *, Kind> kinds[] = {{"uniform", Kind::uniform},
                                                        {"log", Kind::log},
                                                        {"mirrored", Kind::mirrored},
                                                        {"eliminated", Kind::eliminated}};
  std::vector<StartRange> out;
  for (const auto &[name, low, high] : ranges) {
    const auto *known =
        std::find_if(std::begin(kinds), std::end(kinds),
                     [&wanted = name](const auto &kind) { return wanted == kind.first; });
    if (known == std::end(kinds))
      throw std::invalid_argument("unknown kind of range");
    out.push_back({known->second, low, high});
  }
  return out;
}
