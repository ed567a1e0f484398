#include "area_toys.hpp"
#include "check.hpp"
#include "lawfit/moment_area.hpp"

#include <array>
#include <stdexcept>

using namespace lawfit;
using toys::Steps;
using toys::stretch;

namespace {

constexpr std::size_t outputs = 6; // M; by β1, β2; β1β1, β2β1, β2β2
using Arguments = std::array<double, 2>;

toys::Rows evaluate(const MomentArea &area, const Arguments &arguments, int order = 2) {
  toys::Rows rows(area.rows(), 2);
  Cancel cancel;
  area.evaluate(arguments.data(), order, rows.out(), cancel);
  return rows;
}

MomentArea moment_area(const Schedule &schedule, const Steps &at, Warmup mode = Warmup::actual) {
  return MomentArea(schedule, mode, at.data(), at.size());
}

// The definition at every step, in long double.
std::vector<long double> definition(const std::vector<double> &lr, std::size_t first,
                                    long double beta1, long double beta2) {
  std::vector<long double> area;
  long double m = 0, v = 0, power1 = 1, power2 = 1, sum = 0;
  for (std::size_t t = 0; t < lr.size(); ++t) {
    if (t >= first) {
      const long double delta = static_cast<long double>(lr[t - 1]) - lr[t];
      m = beta1 * m + (1 - beta1) * delta;
      v = beta2 * v + (1 - beta2) * 1e5L * delta * delta;
      power1 *= beta1;
      power2 *= beta2;
      sum += m / (1 - power1) / (std::sqrt(v / (1 - power2) + 1e-8L) + 1e-8L);
    }
    area.push_back(sum);
  }
  return area;
}

std::vector<Schedule> schedules() {
  return {toys::warmed(90, {stretch(Shape::cosine, 700, 3e-4, 1e-5)}),
          toys::warmed(40, {stretch(Shape::constant, 500, 1e-3, 1e-3),
                            stretch(Shape::linear, 100, 1e-3, 0.0),
                            stretch(Shape::constant, 200, 0.0, 0.0)}),
          Schedule::dense(toys::noise(600, 5), 7)};
}

const std::vector<Arguments> momenta = {{0.9, 0.999}, {0.0, 0.5}, {0.99, 0.9}, {0.5, 0.0}};

} // namespace

static void test_definition_in_every_mode() {
  for (const Schedule &schedule : schedules())
    for (Warmup mode : {Warmup::actual, Warmup::peak, Warmup::skip})
      for (const Arguments &beta : momenta) {
        const auto [lr, first] = toys::counted(schedule, mode);
        const auto want = definition(lr, first, beta[0], beta[1]);
        long double highest = 0;
        for (const Steps &at : {toys::every(schedule.steps(), 1), toys::every(schedule.steps(), 37),
                                Steps{5, 5, 130, 130, 131}}) {
          const toys::Rows got = evaluate(moment_area(schedule, at, mode), beta, 0);
          for (std::size_t row = 0; row < at.size(); ++row) {
            const long double value = want[static_cast<std::size_t>(at[row])];
            highest = std::fmax(highest, std::fabs(value));
            CHECK_CLOSE(got.value[row], static_cast<double>(value), 1e-13,
                        static_cast<double>(highest));
          }
        }
      }
}

static void test_derivatives() {
  constexpr long double h = 1e-5L;
  for (const Schedule &schedule : schedules())
    for (const Arguments &beta : {Arguments{0.9, 0.99}, Arguments{0.5, 0.3}}) {
      const std::vector<double> lr = toys::rates(schedule);
      const Steps at = {1, 60, 333, 599};
      const toys::Rows got = evaluate(moment_area(schedule, at), beta);
      const auto moved = [&](int by1, int by2) {
        return definition(lr, 1, beta[0] + static_cast<long double>(by1) * h,
                          beta[1] + static_cast<long double>(by2) * h);
      };
      const auto mid = moved(0, 0), up1 = moved(1, 0), down1 = moved(-1, 0), up2 = moved(0, 1),
                 down2 = moved(0, -1), both = moved(1, 1), apart = moved(1, -1),
                 across = moved(-1, 1), neither = moved(-1, -1);
      for (std::size_t row = 0; row < at.size(); ++row) {
        const auto t = static_cast<std::size_t>(at[row]);
        const long double want[outputs] = {mid[t],
                                           (up1[t] - down1[t]) / (2 * h),
                                           (up2[t] - down2[t]) / (2 * h),
                                           (up1[t] - 2 * mid[t] + down1[t]) / (h * h),
                                           (both[t] - apart[t] - across[t] + neither[t]) /
                                               (4 * h * h),
                                           (up2[t] - 2 * mid[t] + down2[t]) / (h * h)};
        for (std::size_t i = 0; i < outputs; ++i)
          CHECK_CLOSE(got.at(i, row), static_cast<double>(want[i]), 3e-5, 1e-3);
      }
    }
}

static void test_orders_agree() {
  const Schedule schedule = schedules().front();
  const MomentArea area = moment_area(schedule, toys::every(schedule.steps(), 29));
  const toys::Rows all = evaluate(area, momenta[0], 2), some = evaluate(area, momenta[0], 1);
  CHECK(evaluate(area, momenta[0], 0).value == all.value);
  CHECK(some.value == all.value && some.gradient == all.gradient);
  CHECK(std::all_of(some.hessian.begin(), some.hessian.end(), [](double x) { return x != x; }));
}

static void test_no_meaning_and_refusals() {
  const Schedule schedule = Schedule::dense(toys::noise(50, 2), 0);
  for (const Arguments &bad : {Arguments{1.0, 0.5}, Arguments{-0.1, 0.5}, Arguments{0.5, NAN}}) {
    const toys::Rows got = evaluate(moment_area(schedule, {10, 40}), bad);
    for (std::size_t i = 0; i < outputs; ++i)
      CHECK(std::isnan(got.at(i, 1)));
  }
  for (const Steps &at : {Steps{-1}, Steps{50}, Steps{2, 1}})
    CHECK_THROWS(moment_area(schedule, at), std::invalid_argument);
  CHECK(moment_area(schedule, {}).rows() == 0);
}

static void test_cancel() {
  const Schedule schedule =
      Schedule::from_pieces({stretch(Shape::constant, 1'000'000'000, 1.0, 1.0)}, 0);
  const MomentArea area = moment_area(schedule, {999'999'999});
  toys::Rows rows(1, 2);
  Cancel cancel;
  cancel.request();
  CHECK_THROWS(area.evaluate(momenta[0].data(), 0, rows.out(), cancel), Cancelled);
}

int main() {
  test_definition_in_every_mode();
  test_derivatives();
  test_orders_agree();
  test_no_meaning_and_refusals();
  test_cancel();
  return check::finish();
}
