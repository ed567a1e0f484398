// Bytes as a run that is watched: points in and out of order, beyond the schedule, without a loss,
// and starts whenever one is wanted. Whatever comes, a point is taken or refused as a whole, and
// what is followed stays within its bounds.
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "lawfit/refit.hpp"
#include "programs.hpp"

using namespace lawfit;
using fuzz::Bytes;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Sums of powers of S1: L0 + A·S1^-a − C·S2 and what else may be free in it, or any program that
// happens to be one.
std::optional<PowerSum> any_law(Bytes &bytes) {
  fuzz::Parts parts;
  std::vector<double> theta;
  std::vector<bool> free;
  if (bytes.below(4) == 0) {
    parts = fuzz::valid_parts(bytes);
  } else {
    parts.parameters = 4;
    parts.constants = {bytes.flag() ? 0.999 : bytes.take<std::uint8_t>() / 255.0};
    parts.code = {{Op::parameter, 0, 0}, {Op::parameter, 1, 0}, {Op::parameter, 2, 0},
                  {Op::parameter, 3, 0}, {Op::constant, 0, 0},  {Op::s1, 0, 0},
                  {Op::s2, 4, 0},        {Op::neg, 2, 0},       {Op::pow, 5, 7},
                  {Op::mul, 1, 8},       {Op::add, 0, 9},       {Op::mul, 3, 6},
                  {Op::sub, 10, 11}};
  }
  for (int k = 0; k < parts.parameters; ++k) {
    theta.push_back(bytes.number());
    free.push_back(bytes.below(8) != 0);
  }
  const std::optional<PowerSum> law = read_power_sum(parts.program(), theta, free);
  const bool fits =
      law && law->parameters > 0 && Expansion::fits(*law) && law->lam >= 0 && law->lam <= 1;
  return fits ? law : std::nullopt;
}

RefitOptions any_options(Bytes &bytes, int parameters) {
  RefitOptions out;
  out.mode = bytes.flag() ? RefitMode::anchored : RefitMode::exact;
  out.residual = {bytes.flag(), bytes.flag() ? 1e-3 : bytes.positive()};
  if (bytes.below(8) == 0)
    out.residual.delta = infinity;
  out.warmup = static_cast<Warmup>(bytes.below(3));
  out.first_step = bytes.below(4) ? 0 : bytes.take<std::uint8_t>();
  out.solver.max_iterations = 1 + bytes.below(60);
  for (int k = 0; k < parameters; ++k) {
    const double middle = bytes.number(), width = bytes.positive();
    const int kind = bytes.below(4);
    out.solver.lower.push_back(kind == 0 ? 0 : kind == 1 ? middle - width : -infinity);
    out.solver.upper.push_back(kind == 1 ? middle + width : infinity);
    if (!(out.solver.lower.back() < out.solver.upper.back()))
      out.solver.lower.back() = -infinity, out.solver.upper.back() = infinity;
  }
  return out;
}

struct State {
  explicit State(const StreamingRefitter &refitter)
      : size(refitter.size()), skipped(refitter.skipped()), last(refitter.last_step()),
        started(refitter.started()) {}
  bool operator==(const State &o) const {
    return size == o.size && skipped == o.skipped && last == o.last && started == o.started;
  }
  std::size_t size, skipped;
  std::int64_t last;
  bool started;
};

void check_state(const StreamingRefitter &refitter, const SolverOptions &solver) {
  const std::vector<double> &theta = refitter.theta();
  if (fuzz::shows() && refitter.size() > 0) {
    std::fprintf(stderr, "step %lld, loss %g, %s, objective %g, at",
                 static_cast<long long>(refitter.steps().back()), refitter.losses().back(),
                 status_name(refitter.status()), refitter.objective());
    for (std::size_t i = 0; i < theta.size(); ++i)
      std::fprintf(stderr, " %.17g in [%g, %g]", theta[i], solver.lower[i], solver.upper[i]);
    std::fprintf(stderr, "\n");
  }
  for (std::size_t i = 0; i < theta.size() && refitter.started(); ++i) {
    REQUIRE(std::isfinite(theta[i]));
    REQUIRE(theta[i] >= solver.lower[i] && theta[i] <= solver.upper[i]);
  }
  if (refitter.started() && refitter.status() != Status::bad_start)
    REQUIRE(refitter.objective() >= 0 && std::isfinite(refitter.objective()));
  REQUIRE(refitter.steps().size() == refitter.size());
  REQUIRE(refitter.losses().size() == refitter.size());
}

void follow(Bytes &bytes, StreamingRefitter &refitter, const RefitOptions &options,
            std::int64_t steps) {
  fuzz::Noise noise(bytes.take<std::uint8_t>());
  std::int64_t step = bytes.below(4);
  const double level = bytes.flag() ? 3.0 : std::abs(bytes.number());
  for (int turn = 0; turn < 100 && !bytes.empty(); ++turn) {
    // Some points that look like a run, then one that may not.
    for (int usual = bytes.below(16); usual > 0; --usual, step += 1 + bytes.below(2)) {
      const double y = level * (1 + 1 / std::sqrt(1.0 + static_cast<double>(step)) + noise() / 100);
      if (step > refitter.last_step() && step < steps && y > 0 && std::isfinite(y))
        try {
          refitter.update(step, y);
        } catch (const std::invalid_argument &) { // an S1 of 0
        }
      check_state(refitter, options.solver);
    }
    std::int64_t odd = bytes.below(4) ? step : bytes.take<std::int16_t>();
    if (bytes.below(64) == 0)
      odd = bytes.take<std::int64_t>();
    const double y = bytes.below(8) ? bytes.any_number() : std::nan("");
    const State before(refitter);
    try {
      refitter.update(odd, y);
      REQUIRE(odd > before.last && odd < steps && refitter.last_step() == odd);
      REQUIRE(refitter.size() <= before.size + 1);
      step = odd + 1;
    } catch (const std::invalid_argument &) {
      State after(refitter);
      if (odd > before.last && odd < steps) // an S1 of 0, whose step counts
        after.last = before.last;
      REQUIRE(after == before);
    }
    check_state(refitter, options.solver);
    if (refitter.size() > 0 && (refitter.wants_start() || bytes.below(16) == 0)) {
      if (bytes.below(8) == 0) {
        refitter.decline_start();
        continue;
      }
      std::vector<double> theta(refitter.theta().size());
      for (std::size_t i = 0; i < theta.size(); ++i)
        theta[i] = std::clamp(bytes.number(), options.solver.lower[i], options.solver.upper[i]);
      refitter.start(theta.data());
      check_state(refitter, options.solver);
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const fuzz::Watch watch;
  Bytes bytes(data, size);
  const std::optional<PowerSum> law = any_law(bytes);
  if (!law)
    return 0;
  const RefitOptions options = any_options(bytes, law->parameters);
  const auto schedule = fuzz::valid_schedule(bytes, 2000);
  std::vector<double> lr(static_cast<std::size_t>(schedule->steps()));
  schedule->lr(0, lr.size(), lr.data());
  for (double rate : lr)
    if (rate > 1e100) // Python takes none
      return 0;
  StreamingRefitter refitter(*law, schedule, options);
  follow(bytes, refitter, options, schedule->steps());
  return 0;
}
