#include "check.hpp"
#include "lawfit/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using namespace lawfit;

namespace {

struct Areas {
  std::vector<double> s1, s2, ds2, d2s2;
};

Areas areas(const Schedule &schedule, double lam, Warmup mode,
            const std::vector<std::int64_t> *at) {
  const std::size_t n = at ? at->size() : static_cast<std::size_t>(schedule.steps());
  Areas out{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
            std::vector<double>(n)};
  Cancel cancel;
  schedule.areas(lam, mode, at ? at->data() : nullptr, n, out.s1.data(), out.s2.data(),
                 out.ds2.data(), out.d2s2.data(), cancel);
  return out;
}

std::vector<double> rates(const Schedule &schedule) {
  std::vector<double> lr(static_cast<std::size_t>(schedule.steps()));
  schedule.lr(0, lr.size(), lr.data());
  return lr;
}

// The definition, in long double; scales[r] is Σ|m^(r)|, what rounding is measured against.
struct Naive {
  std::vector<long double> s1, s2[3], scale[3];
};

Naive naive(std::vector<double> lr, double lam, Warmup mode, std::size_t warmup) {
  if (mode == Warmup::peak)
    std::fill_n(lr.begin(), warmup, lr[std::min(warmup, lr.size() - 1)]);
  Naive out;
  long double s1 = 0, m[3] = {}, s2[3] = {}, scale[3] = {};
  const long double l = lam;
  for (std::size_t t = 0; t < lr.size(); ++t) {
    s1 += lr[t];
    if (t > 0 && !(mode == Warmup::skip && t <= warmup)) {
      m[2] = l * m[2] + 2 * m[1];
      m[1] = l * m[1] + m[0];
      m[0] = l * m[0] + (static_cast<long double>(lr[t - 1]) - lr[t]);
    }
    out.s1.push_back(s1);
    for (int r = 0; r < 3; ++r) {
      out.s2[r].push_back(s2[r] += m[r]);
      out.scale[r].push_back(scale[r] += std::fabs(m[r]));
    }
  }
  return out;
}

void compare(const Areas &got, const Naive &want, const std::vector<std::int64_t> &at,
             double tolerance) {
  for (std::size_t k = 0; k < at.size(); ++k) {
    const auto t = static_cast<std::size_t>(at[k]);
    const std::vector<double> *series[3] = {&got.s2, &got.ds2, &got.d2s2};
    CHECK_NEAR(got.s1[k], static_cast<double>(want.s1[t]), tolerance);
    for (int r = 0; r < 3; ++r)
      CHECK_CLOSE((*series[r])[k], static_cast<double>(want.s2[r][t]), tolerance,
                  static_cast<double>(want.scale[r][t]));
  }
}

std::vector<std::int64_t> every(std::int64_t steps, std::int64_t stride) {
  std::vector<std::int64_t> at;
  for (std::int64_t t = stride - 1; t < steps; t += stride)
    at.push_back(t);
  return at;
}

Piece piece(Shape shape, std::int64_t steps, double start, double end, std::int64_t offset = 0) {
  Piece out;
  out.shape = shape;
  out.steps = steps;
  out.start = start;
  out.end = end;
  out.offset = offset;
  out.span = offset + steps;
  return out;
}

Schedule of_every_shape() {
  std::vector<Piece> pieces = {
      piece(Shape::linear, 130, 0.0, 3e-4),       piece(Shape::constant, 1000, 3e-4, 3e-4),
      piece(Shape::cosine, 517, 3e-4, 1e-4),      piece(Shape::linear, 700, 1e-4, 2e-4, 3),
      piece(Shape::exponential, 129, 2e-4, 5e-5), piece(Shape::one_minus_sqrt, 63, 5e-5, 2e-5),
      piece(Shape::polynomial, 65, 3e-5, 0.0),    piece(Shape::inverse_sqrt, 800, 1e-4, 1e-5)};
  pieces[6].power = 2.5;
  return Schedule::from_pieces(pieces, 130);
}

} // namespace

static void test_definition_in_every_mode() {
  const Schedule pieces = of_every_shape();
  const std::vector<double> lr = rates(pieces);
  const Schedule dense = Schedule::dense(lr, pieces.warmup());
  const std::vector<std::int64_t> odd = {0,   0,    1,    127,  128,  129,  130,  131,  131,  255,
                                         256, 1129, 1130, 1131, 1200, 1646, 1647, 3000, 3403, 3403};
  for (double lam : {0.0, 0.3, 0.95, 0.999, 0.999999, 1.0})
    for (Warmup mode : {Warmup::actual, Warmup::peak, Warmup::skip}) {
      const Naive want = naive(lr, lam, mode, 130);
      const std::vector<std::int64_t> all = every(pieces.steps(), 1);
      // A line is integrated exactly, its LR are rounded: they differ by an ulp of the LR.
      compare(areas(pieces, lam, mode, nullptr), want, all, 1e-11);
      compare(areas(dense, lam, mode, nullptr), want, all, 2e-15);
      for (const auto &at : {odd, every(pieces.steps(), 1), every(pieces.steps(), 3),
                             every(pieces.steps(), 50), every(pieces.steps(), 700)}) {
        compare(areas(pieces, lam, mode, &at), want, at, 1e-11);
        compare(areas(dense, lam, mode, &at), want, at, 2e-15);
      }
    }
}

static void test_signs_and_long_memory() {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::vector<double> lr(60001);
  for (std::size_t t = 0; t < lr.size(); ++t)
    lr[t] = 1e-3 * (1.0 + std::cos(static_cast<double>(t) / 3000.0)) + 1e-5 * uniform(random);
  const Schedule schedule = Schedule::dense(lr, 0);
  for (double lam : {0.9, 0.999, 0.99999, 1.0}) {
    const Naive want = naive(lr, lam, Warmup::actual, 0);
    for (std::int64_t stride : {1, 2, 77, 128, 5000}) {
      const auto at = every(schedule.steps(), stride);
      compare(areas(schedule, lam, Warmup::actual, &at), want, at, 4e-15);
    }
  }
}

static void test_blocking_does_not_show() {
  const Schedule schedule = of_every_shape();
  const std::vector<double> lr = rates(schedule);
  for (std::int64_t first : {0, 1, 128, 129, 1130, 1700, 3300})
    for (std::size_t n : {0U, 1U, 2U, 64U, 100U}) {
      std::vector<double> part(n);
      schedule.lr(first, n, part.data());
      CHECK(std::equal(part.begin(), part.end(), lr.begin() + first));
    }
}

// 1e9 steps: S2 of a line is δ·H_n, and its tail after the line's end forgets m.
static void test_a_billion_steps() {
  const std::int64_t stable = 800'000'000, decay = 200'000'000;
  const Schedule schedule = Schedule::from_pieces(
      {piece(Shape::constant, stable, 2e-4, 2e-4), piece(Shape::linear, decay, 2e-4, 2e-5)}, 0);
  const std::vector<std::int64_t> at = {stable - 1, stable, stable + 1, stable + decay - 1};
  for (double lam : {0.9, 0.999, 0.9999999}) {
    const Areas got = areas(schedule, lam, Warmup::actual, &at);
    const long double l = lam, rest = 1 - l, slope = (2e-4L - 2e-5L) / decay;
    const long double n = decay - 1; // the first step of the decay is still at its start
    const long double g = -std::expm1(n * std::log1p(-rest)) / rest;
    CHECK_NEAR(got.s1[3],
               static_cast<double>(2e-4L * stable + 2e-4L * decay - slope * (n * (n + 1) / 2)),
               1e-15);
    CHECK(got.s2[0] == 0.0 && got.s2[1] == 0.0);
    CHECK_NEAR(got.s2[2], static_cast<double>(slope), 1e-15);
    CHECK_NEAR(got.s2[3], static_cast<double>(slope * (n - l * g) / rest), 2e-15);
  }
}

static void test_warmup_to_the_end() {
  const Schedule ramp = Schedule::from_pieces({piece(Shape::linear, 10, 0.0, 1.0)}, 10);
  const Areas peak = areas(ramp, 0.9, Warmup::peak, nullptr);
  CHECK_NEAR(peak.s1[9], 9.0, 1e-15);
  CHECK(peak.s2[9] == 0.0);
  const Areas skip = areas(ramp, 0.9, Warmup::skip, nullptr);
  CHECK_NEAR(skip.s1[9], 4.5, 1e-15);
  CHECK(skip.s2[9] == 0.0);
}

static void test_refusals() {
  CHECK_THROWS(Schedule::dense({}, 0), std::invalid_argument);
  CHECK_THROWS(Schedule::dense({1.0, -1.0}, 0), std::invalid_argument);
  CHECK_THROWS(Schedule::dense({1.0, NAN}, 0), std::invalid_argument);
  CHECK_THROWS(Schedule::dense({1.0}, 2), std::invalid_argument);
  CHECK_THROWS(Schedule::from_pieces({}, 0), std::invalid_argument);
  CHECK_THROWS(Schedule::from_pieces({piece(Shape::table, 3, 1.0, 1.0)}, 0), std::invalid_argument);
  CHECK_THROWS(Schedule::from_pieces({piece(Shape::exponential, 3, 1.0, 0.0)}, 0),
               std::invalid_argument);
  CHECK_THROWS(Schedule::from_pieces({piece(Shape::constant, (1LL << 53) + 1, 1.0, 1.0)}, 0),
               std::invalid_argument);
  const Schedule schedule = Schedule::dense({1.0, 2.0, 1.0}, 1);
  for (const std::vector<std::int64_t> &at :
       {std::vector<std::int64_t>{-1}, std::vector<std::int64_t>{3},
        std::vector<std::int64_t>{2, 1}})
    CHECK_THROWS(areas(schedule, 0.9, Warmup::actual, &at), std::invalid_argument);
  CHECK_THROWS(areas(schedule, 1.1, Warmup::actual, nullptr), std::invalid_argument);
  CHECK_THROWS(areas(schedule, NAN, Warmup::actual, nullptr), std::invalid_argument);
}

static void test_cancel() {
  const Schedule schedule =
      Schedule::from_pieces({piece(Shape::cosine, 1'000'000'000, 1.0, 0.0)}, 0);
  const std::int64_t last = schedule.steps() - 1;
  Cancel cancel;
  cancel.request();
  double s1 = 0.0;
  CHECK_THROWS(
      schedule.areas(0.9, Warmup::actual, &last, 1, &s1, nullptr, nullptr, nullptr, cancel),
      Cancelled);
}

// So many areas are written past the caches, unless they are picked from what is asked for.
static void test_long_answers_are_the_same() {
  std::vector<double> lr(600'003);
  for (std::size_t t = 0; t < lr.size(); ++t)
    lr[t] = 1e-3 * (1.1 + std::cos(static_cast<double>(t) / 3000.0));
  const Schedule schedule = Schedule::dense(lr, 100);
  const auto all = every(schedule.steps(), 1);
  const Areas dense = areas(schedule, 0.999, Warmup::peak, nullptr);
  const Areas picked = areas(schedule, 0.999, Warmup::peak, &all);
  CHECK(dense.s1 == picked.s1 && dense.s2 == picked.s2);
  CHECK(dense.ds2 == picked.ds2 && dense.d2s2 == picked.d2s2);
}

static void test_tabulated_is_the_same_schedule() {
  const Piece ramp{Shape::linear, 40, 0, 1e-3, 0, 40};
  const Piece wave{Shape::cosine, 500, 1e-3, 1e-4, 3, 600};
  const Piece flat{Shape::constant, 70, 2e-4};
  const Piece fall{Shape::exponential, 90, 2e-4, 1e-5, 0, 90};
  const Schedule pieces = Schedule::from_pieces({ramp, wave, flat, fall}, 40);
  const Schedule table = pieces.tabulated(1000);
  const auto n = static_cast<std::size_t>(pieces.steps());
  std::vector<double> lr(n), same(n), s2(n), again(n);
  pieces.lr(0, n, lr.data());
  table.lr(0, n, same.data());
  CHECK(lr == same);
  Cancel cancel;
  pieces.areas(0.99, Warmup::skip, nullptr, n, nullptr, s2.data(), nullptr, nullptr, cancel);
  table.areas(0.99, Warmup::skip, nullptr, n, nullptr, again.data(), nullptr, nullptr, cancel);
  CHECK(s2 == again);
}

// Ends that lie further apart than a double's range: their ratio is none.
static void test_exponential_across_the_range() {
  for (const auto &[start, end] : {std::pair{4e-323, 8.0}, {1e10, 1e-320}, {1e-300, 1e20}}) {
    const Schedule schedule =
        Schedule::from_pieces({{Shape::exponential, 101, start, end, 0, 100}}, 0);
    std::vector<double> lr(101);
    schedule.lr(0, lr.size(), lr.data());
    CHECK_NEAR(lr.front(), start, 1e-12);
    CHECK(lr.back() == end);
    CHECK_NEAR(lr[50], std::sqrt(start) * std::sqrt(end), 1e-12);
    for (std::size_t t = 1; t < lr.size(); ++t)
      CHECK((lr[t] > lr[t - 1]) == (end > start));
  }
}

int main() {
  test_exponential_across_the_range();
  test_tabulated_is_the_same_schedule();
  test_definition_in_every_mode();
  test_signs_and_long_memory();
  test_blocking_does_not_show();
  test_a_billion_steps();
  test_warmup_to_the_end();
  test_refusals();
  test_cancel();
  test_long_answers_are_the_same();
  return check::finish();
}
