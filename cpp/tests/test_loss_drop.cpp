#include "area_toys.hpp"
#include "check.hpp"
#include "lawfit/loss_drop.hpp"

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

using namespace lawfit;
using toys::Steps;
using toys::stretch;

namespace {

constexpr int outputs = 10; // D; by C, β, γ; CC, βC, ββ, γC, γβ, γγ
using Arguments = std::array<double, 3>;
using Terms = std::array<long double, outputs>;

toys::Rows evaluate(const LossDrop &drop, const Arguments &arguments, int order = 2) {
  toys::Rows rows(drop.rows(), 3);
  Cancel cancel;
  drop.evaluate(arguments.data(), order, rows.out(), cancel);
  return rows;
}

LossDrop loss_drop(const Schedule &schedule, const Steps &at, Detail detail,
                   Warmup mode = Warmup::actual) {
  Cancel cancel;
  return LossDrop(schedule, mode, at.data(), at.size(), detail, cancel);
}

// G and its derivatives, for one step of LR eta that area s follows.
Terms kernel(const Arguments &arguments, long double eta, long double s) {
  const long double c = arguments[0], beta = arguments[1], gamma = arguments[2];
  if (s == 0.0L || (eta == 0.0L && gamma < 0.0L))
    return {};
  if (eta == 0.0L && gamma > 0.0L)
    return {c > 0.0L && beta > 0.0L ? 1.0L : 0.0L};
  const long double l = eta == 0.0L ? 0.0L : std::log(eta), x = std::exp(-gamma * l) * s;
  const long double log_z = std::log1p(c * x), slope = x / (1.0L + c * x);
  const long double u = std::exp(-beta * log_z), g_c = beta * u * slope;
  const long double g_cc = -(beta + 1.0L) * slope * g_c, g_bc = (1.0L - beta * log_z) * u * slope;
  return {-std::expm1(-beta * log_z),
          g_c,
          u * log_z,
          -l * c * g_c,
          g_cc,
          g_bc,
          -u * log_z * log_z,
          -l * (g_c + c * g_cc),
          -l * c * g_bc,
          l * l * c * (g_c + c * g_cc)};
}

// The definition at one step: the sum, and that of its terms' sizes.
struct Sum {
  Terms value{}, size{};
};

Sum definition(const std::vector<double> &lr, std::size_t first, std::int64_t t,
               const Arguments &arguments) {
  Sum sum;
  long double s = 0.0L;
  for (auto k = static_cast<std::size_t>(t); k >= first && k > 0; --k) {
    s += lr[k];
    const long double decrease = static_cast<long double>(lr[k - 1]) - lr[k];
    if (decrease == 0.0L)
      continue;
    const Terms terms = kernel(arguments, lr[k], s);
    for (std::size_t i = 0; i < outputs; ++i) {
      sum.value[i] += decrease * terms[i];
      sum.size[i] += std::fabs(decrease * terms[i]);
    }
  }
  return sum;
}

// The bounds that the header states, relative to the sum of the terms' sizes.
constexpr double of_value = 1e-11, of_derivatives = 1e-9;

void compare(const LossDrop &drop, const Schedule &schedule, Warmup mode, const Steps &at,
             const Arguments &arguments, double value_tolerance, double tolerance) {
  const auto [lr, first] = toys::counted(schedule, mode);
  const toys::Rows got = evaluate(drop, arguments);
  for (std::size_t row = 0; row < at.size(); ++row) {
    const Sum want = definition(lr, first, at[row], arguments);
    for (std::size_t i = 0; i < outputs; ++i)
      CHECK_CLOSE(got.at(i, row), static_cast<double>(want.value[i]),
                  i == 0 ? value_tolerance : tolerance, static_cast<double>(want.size[i]));
  }
}

// Those of the multi-power paper's curves, and others.
std::vector<Schedule> long_schedules() {
  constexpr double peak = 3e-4, end = 3e-5;
  constexpr std::int64_t warmup = 2160, steps = 24000, rest = steps - warmup;
  std::vector<Piece> cycles, waves;
  for (int i = 0; i < 6; ++i) {
    cycles.push_back(stretch(Shape::cosine, 3600, peak * std::pow(0.8, i), end));
    waves.push_back(stretch(Shape::cosine, 1800, peak, end));
    waves.push_back(stretch(Shape::cosine, 1800, end, peak));
  }
  Piece to_zero = stretch(Shape::cosine, rest, peak, 0.0);
  to_zero.span = rest - 1;
  return {toys::warmed(warmup, {stretch(Shape::cosine, rest, peak, end)}),
          toys::warmed(warmup, {stretch(Shape::constant, rest, peak, peak)}),
          toys::warmed(warmup, {stretch(Shape::constant, 8000 - warmup, peak, peak),
                                stretch(Shape::constant, 8000, 9e-5, 9e-5)}),
          toys::warmed(warmup, {stretch(Shape::constant, 20000 - warmup, peak, peak),
                                stretch(Shape::exponential, 4000, peak, end)}),
          toys::warmed(warmup, {stretch(Shape::linear, rest, peak, 0.0)}),
          toys::warmed(warmup, {to_zero}),
          toys::warmed(warmup, cycles),
          toys::warmed(warmup, waves),
          toys::warmed(warmup, {stretch(Shape::one_minus_sqrt, rest, peak, 0.0)}),
          Schedule::from_pieces({stretch(Shape::exponential, 12000, 1e-6, 1e-3)}, 0)};
}

const Arguments published = {2.06560812, 0.58279013, 0.64142257};
const std::vector<Arguments> corners = {published,      {0.5, 0.3, 0.0},   {10.0, 1.5, 1.0},
                                        {100, 2, 2},    {1e-3, 0.5, -1.0}, {1e-9, 1e-3, 0.5},
                                        {1e5, 0.1, -2}, {0.0, 0.5, 0.5},   {3.0, 0.0, 0.5}};

} // namespace

static void test_long_schedules() {
  for (const Schedule &schedule : long_schedules()) {
    Steps at = {2161, 9001};
    at.push_back(schedule.steps() - 1);
    std::sort(at.begin(), at.end());
    at.erase(std::remove_if(at.begin(), at.end(), [&](auto t) { return t >= schedule.steps(); }),
             at.end());
    compare(loss_drop(schedule, at, Detail::exact), schedule, Warmup::actual, at, published, 1e-14,
            1e-14);
    compare(loss_drop(schedule, at, Detail::fine), schedule, Warmup::actual, at, published, 1e-12,
            1e-10);
    for (const Arguments &arguments : corners)
      compare(loss_drop(schedule, at, Detail::fine), schedule, Warmup::actual, at, arguments,
              of_value, of_derivatives);
  }
}

// Close enough for a search, wherever its starts are drawn.
static void test_coarse() {
  for (const Schedule &schedule : long_schedules()) {
    const Steps at = {2300, 7001, schedule.steps() - 1};
    const LossDrop drop = loss_drop(schedule, at, Detail::coarse);
    compare(drop, schedule, Warmup::actual, at, published, 1e-4, 1e-3);
    for (const double c : {0.1, 20.0})
      for (const double beta : {0.2, 1.5})
        for (const double gamma : {0.2, 1.2})
          compare(drop, schedule, Warmup::actual, at, {c, beta, gamma}, 1e-3, 3e-2);
  }
}

// A table has no pieces, and a segment's cuts depend on nothing but its values.
static void test_tables() {
  for (const Schedule &schedule : long_schedules()) {
    const Schedule table = Schedule::dense(toys::rates(schedule), schedule.warmup());
    const Steps at = toys::every(schedule.steps(), 640);
    const toys::Rows got = evaluate(loss_drop(table, at, Detail::fine), published);
    const toys::Rows want = evaluate(loss_drop(table, at, Detail::exact), published);
    for (std::size_t i = 0; i < outputs; ++i)
      for (std::size_t row = 0; row < at.size(); ++row)
        CHECK_CLOSE(got.at(i, row), want.at(i, row), 1e-11, std::abs(want.at(i, at.size() / 2)));
  }
}

// What can't be interpolated is summed.
static void test_rough_schedules() {
  std::vector<double> stairs(3000), noisy_cosine(3000), spikes(3000, 1e-4), blinking(900);
  const std::vector<double> noise = toys::noise(3000, 1);
  for (std::size_t i = 0; i < stairs.size(); ++i) {
    stairs[i] = 3e-4 * std::pow(0.7, static_cast<double>(i / 400));
    noisy_cosine[i] = 2e-4 * (1.1 + std::cos(static_cast<double>(i) / 900)) + 1e-9 * noise[i];
    if (i % 97 == 0)
      spikes[i] = 3e-4;
    if (i < blinking.size() && i % 3 == 0)
      blinking[i] = 1e-4;
  }
  for (const auto &lr : {noise, stairs, noisy_cosine, spikes, blinking}) {
    const Schedule schedule = Schedule::dense(lr, 0);
    const Steps at = toys::every(schedule.steps(), 299);
    for (const Arguments &arguments : {published, corners[1], corners[4]})
      compare(loss_drop(schedule, at, Detail::fine), schedule, Warmup::actual, at, arguments, 1e-13,
              1e-13);
  }
}

// The LR of `schedule` in single precision, and drawn through its values at every `stride` steps.
Schedule in_single_precision(const Schedule &schedule) {
  std::vector<double> lr = toys::rates(schedule);
  for (double &rate : lr)
    rate = static_cast<float>(rate);
  return Schedule::dense(lr, schedule.warmup());
}

Schedule through_points(const Schedule &schedule, std::int64_t stride) {
  const std::vector<double> lr = toys::rates(schedule);
  std::vector<Piece> pieces;
  for (std::int64_t t = 0; t + stride < schedule.steps(); t += stride) {
    const auto i = static_cast<std::size_t>(t);
    pieces.push_back(
        stretch(Shape::linear, stride, lr[i], lr[i + static_cast<std::size_t>(stride)]));
  }
  return Schedule::from_pieces(pieces, schedule.warmup());
}

static void test_nearly_smooth_schedules() {
  const auto all = long_schedules();
  for (const std::size_t which : {0U, 3U, 5U})
    for (const Schedule &schedule :
         {in_single_precision(all[which]), through_points(all[which], 10),
          through_points(all[which], 37), through_points(all[which], 128)}) {
      const Steps at = {2299, schedule.steps() - 1};
      compare(loss_drop(schedule, at, Detail::fine), schedule, Warmup::actual, at, published, 1e-12,
              1e-10);
      for (const Arguments &arguments : {corners[1], corners[2], corners[4]})
        compare(loss_drop(schedule, at, Detail::fine), schedule, Warmup::actual, at, arguments,
                of_value, of_derivatives);
    }
}

// Kernels that the last row of a schedule takes, as one of some.
static std::size_t work(const Schedule &schedule, Detail detail = Detail::fine) {
  const std::vector<double> lr = toys::rates(schedule);
  std::vector<DropStep> steps;
  DoubleDouble area = lr[0];
  for (std::size_t k = 1; k < lr.size(); ++k) {
    if (lr[k] != lr[k - 1])
      steps.push_back({lr[k], lr[k - 1] - lr[k], area});
    area = area + lr[k];
  }
  Cancel cancel;
  const DropRow row{area, steps.size(), 0.0};
  const DropPanels panels(steps, {0}, std::vector<DropRow>(9, row), detail, cancel);
  std::size_t kernels = 0;
  panels.cover(row, [&](std::size_t first, std::size_t n) {
    CHECK(first + n <= panels.nodes().size());
    kernels += n;
  });
  return kernels;
}

static void test_work_is_near_linear() {
  const Schedule cosine = Schedule::from_pieces({stretch(Shape::cosine, 24000, 3e-4, 3e-5)}, 0);
  const std::size_t all = work(cosine, Detail::exact);
  CHECK(all > 23990);
  CHECK(work(cosine) < all / 120);
  CHECK(work(cosine, Detail::coarse) < all / 240);
  CHECK(work(in_single_precision(cosine)) < all / 20);
  CHECK(work(through_points(cosine, 10)) < all / 20);
  CHECK(work(Schedule::dense(toys::noise(1000, 1), 0)) == 999);
}

static void test_every_step_in_every_mode() {
  const Schedule schedule = toys::warmed(
      90, {stretch(Shape::cosine, 200, 3e-4, 1e-4), stretch(Shape::constant, 30, 1e-4, 1e-4),
           stretch(Shape::linear, 80, 1e-4, 0.0), stretch(Shape::constant, 9, 0.0, 0.0),
           stretch(Shape::constant, 9, 1e-5, 1e-5)});
  const Steps at = toys::every(schedule.steps(), 1);
  for (Warmup mode : {Warmup::actual, Warmup::peak, Warmup::skip})
    for (Detail detail : {Detail::fine, Detail::exact})
      for (const Arguments &arguments : corners)
        compare(loss_drop(schedule, at, detail, mode), schedule, mode, at, arguments,
                detail == Detail::exact ? 1e-13 : of_value,
                detail == Detail::exact ? 1e-13 : of_derivatives);
}

// Derivatives against differences of the definition in long double.
static void test_derivatives() {
  const Schedule schedule = toys::warmed(40, {stretch(Shape::cosine, 160, 3e-4, 2e-5)});
  const Steps at = {30, 120, 199};
  const std::vector<double> lr = toys::rates(schedule);
  const LossDrop drop = loss_drop(schedule, at, Detail::fine);
  for (const Arguments &arguments :
       {published, corners[1], corners[2], Arguments{0.05, 0.5, -1.0}}) {
    const toys::Rows got = evaluate(drop, arguments);
    for (std::size_t row = 0; row < at.size(); ++row)
      for (std::size_t a = 0, pair = 0; a < 3; ++a)
        for (std::size_t b = 0; b <= a; ++b, ++pair) {
          const double ha = 2e-5 * std::fmax(0.05, arguments[a]);
          const double hb = 2e-5 * std::fmax(0.05, arguments[b]);
          const auto shifted = [&](double by_a, double by_b, std::size_t output) {
            Arguments moved = arguments;
            moved[a] += by_a * ha;
            moved[b] += by_b * hb;
            return definition(lr, 1, at[row], moved).value[output];
          };
          const double second = static_cast<double>(
              (shifted(1, 1, 0) - shifted(1, -1, 0) - shifted(-1, 1, 0) + shifted(-1, -1, 0)) /
              (4.0L * ha * hb));
          const double first =
              static_cast<double>((shifted(1, 0, 0) - shifted(-1, 0, 0)) / (2.0L * ha));
          CHECK_CLOSE(got.at(1 + a, row), first, 1e-7, 1e-13);
          CHECK_CLOSE(got.at(4 + pair, row), second, 1e-5, 1e-8);
        }
  }
}

static void test_orders_agree() {
  const Schedule schedule = toys::warmed(90, {stretch(Shape::cosine, 900, 3e-4, 1e-5)});
  const Steps at = toys::every(schedule.steps(), 45);
  const LossDrop drop = loss_drop(schedule, at, Detail::fine);
  const toys::Rows all = evaluate(drop, published, 2), some = evaluate(drop, published, 1);
  CHECK(evaluate(drop, published, 0).value == all.value);
  CHECK(some.value == all.value && some.gradient == all.gradient);
  CHECK(std::all_of(some.hessian.begin(), some.hessian.end(), [](double h) { return h != h; }));
}

// A LR of 0 while γ > 0 drops whole, once a step above 0 has followed or led.
static void test_zero_rates() {
  const Schedule schedule = Schedule::dense({1.0, 0.0, 0.0, 0.5, 0.0}, 0);
  const Steps at = toys::every(5, 1);
  const toys::Rows got = evaluate(loss_drop(schedule, at, Detail::fine), {2.0, 0.5, 0.3});
  const auto g = [](double x) { return 1.0 - std::pow(1.0 + 2.0 * x, -0.5); };
  const double rise = -0.5 * g(std::pow(0.5, -0.3) * 0.5);
  const double want[] = {0.0, 0.0, 0.0, 1.0 + rise, 1.0 + rise};
  for (std::size_t row = 0; row < 5; ++row)
    CHECK_CLOSE(got.value[row], want[row], 1e-15, 1.0);
  const toys::Rows flat = evaluate(loss_drop(schedule, at, Detail::fine), {2.0, 0.5, 0.0});
  CHECK_NEAR(flat.value[3], g(0.5) - 0.5 * g(0.5), 1e-15);
}

static void test_overflow_is_the_limit() {
  const Schedule schedule = Schedule::dense({1e-3, 5e-4, 2e-4}, 0);
  const toys::Rows got = evaluate(loss_drop(schedule, {2}, Detail::fine), {2.0, 0.5, 500.0});
  CHECK_NEAR(got.value[0], 8e-4, 1e-15);
  for (std::size_t i = 1; i < outputs; ++i)
    CHECK(std::abs(got.at(i, 0)) < 1e-100);
}

static void test_a_billion_constant_steps() {
  const Schedule schedule = Schedule::from_pieces(
      {stretch(Shape::constant, 1'000'000'000, 3e-4, 3e-4), stretch(Shape::linear, 500, 3e-4, 0.0),
       stretch(Shape::constant, 1'000'000'000, 1e-5, 1e-5)},
      0);
  const Steps at = {999'999'999, 1'000'000'499, 2'000'000'499};
  const toys::Rows got = evaluate(loss_drop(schedule, at, Detail::fine), published);
  const std::vector<double> lr = [&] {
    std::vector<double> near(501);
    schedule.lr(999'999'999, near.size(), near.data());
    return near;
  }();
  CHECK(got.value[0] == 0.0);
  CHECK_NEAR(got.value[1], static_cast<double>(definition(lr, 1, 500, published).value[0]), 1e-13);
  CHECK(got.value[2] > got.value[1]);
}

static void test_no_meaning() {
  const Schedule schedule = Schedule::dense(toys::noise(50, 2), 0);
  const LossDrop drop = loss_drop(schedule, {10, 40}, Detail::fine);
  for (const Arguments &bad : {Arguments{-1.0, 0.5, 0.5}, Arguments{1.0, -0.5, 0.5},
                               Arguments{1.0, 0.5, NAN}, Arguments{INFINITY, 0.5, 0.5}}) {
    const toys::Rows got = evaluate(drop, bad);
    for (std::size_t i = 0; i < outputs; ++i)
      CHECK(std::isnan(got.at(i, 1)));
  }
}

static void test_refusals() {
  const Schedule schedule = Schedule::dense(toys::noise(50, 2), 0);
  for (const Steps &at : {Steps{-1}, Steps{50}, Steps{2, 1}})
    CHECK_THROWS(loss_drop(schedule, at, Detail::fine), std::invalid_argument);
  const Schedule endless =
      Schedule::from_pieces({stretch(Shape::cosine, (1 << 27) + 1, 1e-3, 0.0)}, 0);
  CHECK_THROWS(loss_drop(endless, {endless.steps() - 1}, Detail::fine), std::invalid_argument);
  CHECK(loss_drop(endless, {5}, Detail::fine).rows() == 1);
  CHECK(loss_drop(endless, {}, Detail::fine).rows() == 0);
}

static void test_cancel() {
  const Schedule schedule = Schedule::dense(toys::noise(500, 2), 0);
  const LossDrop drop = loss_drop(schedule, {499}, Detail::fine);
  toys::Rows rows(1, 3);
  Cancel cancel;
  cancel.request();
  CHECK_THROWS(drop.evaluate(published.data(), 0, rows.out(), cancel), Cancelled);
}

// A poll for signals may run a handler that evaluates another area on the same thread.
static void test_evaluated_within_a_poll() {
  const Schedule small = Schedule::dense(toys::noise(50, 2), 0);
  const Schedule large = Schedule::dense(toys::noise(5000, 3), 0);
  const LossDrop drop = loss_drop(small, {20, 49}, Detail::fine);
  const LossDrop other = loss_drop(large, {4999}, Detail::fine);
  const toys::Rows want = evaluate(drop, published);
  int polls = 0;
  Cancel cancel([&] {
    ++polls;
    evaluate(other, {1.0, 1.5, 0.1});
    return true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30)); // polls are 20 ms apart
  toys::Rows got(drop.rows(), 3);
  drop.evaluate(published.data(), 2, got.out(), cancel);
  CHECK(polls == 1);
  CHECK(got.value == want.value && got.gradient == want.gradient && got.hessian == want.hessian);
}

int main() {
  test_long_schedules();
  test_coarse();
  test_tables();
  test_rough_schedules();
  test_nearly_smooth_schedules();
  test_work_is_near_linear();
  test_every_step_in_every_mode();
  test_derivatives();
  test_orders_agree();
  test_zero_rates();
  test_overflow_is_the_limit();
  test_a_billion_constant_steps();
  test_no_meaning();
  test_refusals();
  test_cancel();
  test_evaluated_within_a_poll();
  return check::finish();
}
