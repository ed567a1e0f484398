// Bytes as a schedule, valid or not: the constructors must tell which, rates must be rates, and the
// areas must be the sums they stand for, whatever the steps asked for.
#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include "lawfit/bound_area.hpp"
#include "lawfit/loss_drop.hpp"
#include "lawfit/moment_area.hpp"
#include "schedules.hpp"

using namespace lawfit;
using fuzz::Bytes;

namespace {

// Steps that a walk in closed form need not visit.
constexpr std::int64_t most_walked = 1 << 14;
// Up to this rate, which Python allows, areas are finite.
constexpr double most_rate = 1e100;

bool is_rate(double value) { return value >= 0 && std::isfinite(value); }
bool is_count(std::int64_t n, std::int64_t least) { return n >= least && n <= fuzz::most_steps; }

// The rules of schedule.hpp once more.
bool is_valid(const Piece &piece) {
  if (!is_count(piece.steps, 1) || !is_count(piece.offset, 0) || !is_count(piece.span, 1))
    return false;
  if (!is_rate(piece.start) || !is_rate(piece.end))
    return false;
  switch (piece.shape) {
  case Shape::constant:
  case Shape::inverse_sqrt:
    return true;
  case Shape::table:
    return false;
  case Shape::exponential:
    if (piece.start == 0 || piece.end == 0)
      return false;
    break;
  case Shape::polynomial:
    if (!(piece.power > 0) || std::isinf(piece.power))
      return false;
    break;
  default:
    break;
  }
  return piece.offset + piece.steps <= piece.span + 1;
}

bool is_valid(const std::vector<Piece> &pieces, std::int64_t warmup) {
  std::int64_t steps = 0;
  for (const Piece &piece : pieces) {
    if (!is_valid(piece))
      return false;
    steps += piece.steps;
    if (steps > fuzz::most_steps)
      return false;
  }
  return steps > 0 && warmup >= 0 && warmup <= steps;
}

struct Areas {
  explicit Areas(std::size_t n) : s1(n), s2(n), ds2(n), d2s2(n) {}
  std::vector<double> s1, s2, ds2, d2s2;
};

Areas areas_of(const Schedule &schedule, double lam, Warmup mode,
               const std::vector<std::int64_t> &at) {
  Areas out(at.size());
  Cancel cancel;
  schedule.areas(lam, mode, at.data(), at.size(), out.s1.data(), out.s2.data(), out.ds2.data(),
                 out.d2s2.data(), cancel);
  return out;
}

// Steps anywhere, in order; the same one may come twice.
std::vector<std::int64_t> some_steps(Bytes &bytes, std::int64_t steps) {
  std::vector<std::int64_t> at(1 + bytes.take<std::uint16_t>() % 300);
  fuzz::Noise noise(bytes.take<std::uint8_t>());
  const bool early = bytes.flag(); // so that long schedules are not only seen from afar
  for (std::int64_t &step : at) {
    const double reach =
        early ? std::fmin(4096.0, static_cast<double>(steps)) : static_cast<double>(steps);
    step = std::min(static_cast<std::int64_t>(noise() * reach), steps - 1);
  }
  std::sort(at.begin(), at.end());
  return at;
}

// The largest rate that a schedule of these pieces, or of this table, may have.
double largest_rate(const std::vector<Piece> &pieces) {
  double most = 0;
  for (const Piece &piece : pieces)
    most = std::fmax(most, std::fmax(piece.start, piece.end));
  return most;
}
double largest_rate(const std::vector<double> &lr) {
  return *std::max_element(lr.begin(), lr.end());
}

// The recurrences of schedule.hpp step by step in long double; the lines in them are the real ones,
// which lr() rounds, so the areas may differ by what that amounts to.
void compare_with_sums(const Schedule &schedule, const std::vector<double> &lr, double lam,
                       Warmup mode, const std::vector<std::int64_t> &at, const Areas &areas) {
  const std::int64_t warmup = schedule.warmup(), steps = schedule.steps();
  const double peak = lr[static_cast<std::size_t>(std::min(warmup, steps - 1))];
  long double s1 = 0, s2 = 0, m = 0, size = 0, before = 0, largest = 0;
  std::size_t next = 0;
  for (std::int64_t t = 0; t < steps && next < at.size(); ++t) {
    const bool replaced = mode == Warmup::peak && t < warmup;
    const long double rate = replaced ? peak : lr[static_cast<std::size_t>(t)];
    s1 += rate;
    largest = std::max(largest, rate);
    m = lam * m + (t > 0 ? before - rate : 0);
    if (mode == Warmup::skip && t <= warmup)
      m = 0;
    s2 += m;
    size += std::abs(m);
    before = rate;
    for (; next < at.size() && at[next] == t; ++next) {
      const auto room = [](long double of) { return static_cast<double>(of) * 1e-9 + 1e-300; };
      if (s1 < 1e300L && s1 > 1e-280L)
        REQUIRE(std::abs(areas.s1[next] - static_cast<double>(s1)) <= room(s1));
      if (size < 1e300L)
        REQUIRE(std::abs(areas.s2[next] - static_cast<double>(s2)) <=
                room(size + largest * static_cast<long double>(t + 1) * 1e-3L));
    }
  }
}

void check_areas(Bytes &bytes, const Schedule &schedule, double most) {
  const std::int64_t steps = schedule.steps();
  const std::vector<std::int64_t> at = some_steps(bytes, steps);
  constexpr double lambdas[] = {0.999, 0.0, 1.0, 0.5, 0.99999, 1e-300, 1 - 0x1p-53, 0.9};
  const double lam = bytes.flag() ? lambdas[bytes.below(8)] : bytes.take<std::uint16_t>() / 65535.0;
  const auto mode = static_cast<Warmup>(bytes.below(3));
  const Areas areas = areas_of(schedule, lam, mode, at);
  for (std::size_t i = 0; i < at.size() && most <= most_rate; ++i) {
    if (fuzz::shows())
      std::fprintf(stderr, "lambda %.17g, step %lld: %g %g %g %g\n", lam,
                   static_cast<long long>(at[i]), areas.s1[i], areas.s2[i], areas.ds2[i],
                   areas.d2s2[i]);
    REQUIRE(areas.s1[i] >= 0 && std::isfinite(areas.s1[i]) && std::isfinite(areas.s2[i]));
    REQUIRE(std::isfinite(areas.ds2[i]) && std::isfinite(areas.d2s2[i]));
    REQUIRE(i == 0 || areas.s1[i] >= areas.s1[i - 1] * (1 - 1e-14));
  }
  if (steps > most_walked)
    return;
  std::vector<double> lr(static_cast<std::size_t>(steps));
  schedule.lr(0, lr.size(), lr.data());
  for (double rate : lr)
    REQUIRE(most > most_rate || (is_rate(rate) && rate <= most * (1 + 1e-12)));
  if (most <= most_rate)
    compare_with_sums(schedule, lr, lam, mode, at, areas);
  const Schedule tabulated = schedule.tabulated(most_walked);
  std::vector<double> same(lr.size());
  tabulated.lr(0, same.size(), same.data());
  REQUIRE(lr == same);
  if (steps > 512)
    return;
  // Functions of the schedule: that they end, and stay where they belong.
  Cancel cancel;
  const double arguments[] = {bytes.any_number(), bytes.any_number(), bytes.any_number()};
  std::vector<double> values(at.size()), gradient(3 * at.size()), hessian(6 * at.size());
  const RowValues out{values.data(), gradient.data(), hessian.data(), at.size()};
  const auto detail = static_cast<Detail>(bytes.below(3));
  LossDrop(schedule, mode, at.data(), at.size(), detail, cancel)
      .evaluate(arguments, bytes.below(3), out, cancel);
  MomentArea(schedule, mode, at.data(), at.size()).evaluate(arguments, bytes.below(3), out, cancel);
  std::vector<double> last(at.size());
  bound_areas(schedule, at.data(), at.size(), nullptr, values.data(), last.data(), cancel);
  for (std::size_t i = 0; i < at.size() && most <= most_rate; ++i)
    REQUIRE(!(values[i] < 0) && !(last[i] < 0));
}

void check_pieces(Bytes &bytes) {
  std::vector<Piece> pieces(static_cast<std::size_t>(bytes.below(5)));
  for (Piece &piece : pieces)
    piece = bytes.below(4) ? fuzz::valid_piece(bytes, 300) : fuzz::any_piece(bytes);
  const std::int64_t warmup = fuzz::any_length(bytes);
  fuzz::show(pieces, warmup);
  std::shared_ptr<const Schedule> schedule;
  try {
    schedule = std::make_shared<const Schedule>(Schedule::from_pieces(pieces, warmup));
  } catch (const std::invalid_argument &) {
  }
  REQUIRE((schedule != nullptr) == is_valid(pieces, warmup));
  if (!schedule)
    return;
  // What has no closed form takes time for every step.
  std::int64_t walked = 0;
  for (const Piece &piece : schedule->pieces())
    walked += fuzz::is_line(piece.shape) ? 0 : piece.steps;
  if (walked <= most_walked)
    check_areas(bytes, *schedule, largest_rate(pieces));
}

void check_dense(Bytes &bytes) {
  std::vector<double> lr(static_cast<std::size_t>(bytes.below(200)));
  for (double &rate : lr)
    rate = bytes.below(64) ? std::abs(bytes.number()) : bytes.any_number();
  const std::int64_t warmup = bytes.below(4) ? bytes.below(16) : fuzz::any_length(bytes);
  const bool valid = !lr.empty() && std::all_of(lr.begin(), lr.end(), is_rate) && warmup >= 0 &&
                     warmup <= static_cast<std::int64_t>(lr.size());
  std::shared_ptr<const Schedule> schedule;
  try {
    schedule = std::make_shared<const Schedule>(Schedule::dense(lr, warmup));
  } catch (const std::invalid_argument &) {
  }
  REQUIRE((schedule != nullptr) == valid);
  if (schedule)
    check_areas(bytes, *schedule, largest_rate(lr));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const fuzz::Watch watch;
  Bytes bytes(data, size);
  if (bytes.below(4) > 0)
    check_pieces(bytes);
  else
    check_dense(bytes);
  return 0;
}
