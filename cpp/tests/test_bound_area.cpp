#include "area_toys.hpp"
#include "check.hpp"
#include "lawfit/bound_area.hpp"

#include <limits>
#include <stdexcept>

using namespace lawfit;
using toys::Steps;
using toys::stretch;

namespace {

struct Areas {
  std::vector<double> mean, last;
};

Areas areas(const Schedule &schedule, const Steps &at,
            const std::vector<double> &squared_norms = {}) {
  Areas out{std::vector<double>(at.size()), std::vector<double>(at.size())};
  Cancel cancel;
  bound_areas(schedule, at.data(), at.size(),
              squared_norms.empty() ? nullptr : squared_norms.data(), out.mean.data(),
              out.last.data(), cancel);
  return out;
}

// The definition at one step, whose LR is not 0.
std::pair<long double, long double> definition(const std::vector<double> &lr,
                                               const std::vector<double> &squared_norms,
                                               std::int64_t t) {
  long double area = 0, squares = 0, last = 0;
  for (auto k = static_cast<std::size_t>(t) + 1; k-- > 0;) {
    const long double after = area, eta = lr[k];
    area += eta;
    squares += eta * eta * (squared_norms.empty() ? 1.0 : squared_norms[k]);
    if (after > 0)
      last += eta / after * (squares / area);
  }
  return {squares / (2 * area), last / 2};
}

void compare(const Schedule &schedule, const Steps &at, const std::vector<double> &norms = {}) {
  const std::vector<double> lr = toys::rates(schedule);
  const Areas got = areas(schedule, at, norms);
  for (std::size_t row = 0; row < at.size(); ++row) {
    const auto [mean, last] = definition(lr, norms, at[row]);
    CHECK_NEAR(got.mean[row], static_cast<double>(mean), 2e-15);
    CHECK_NEAR(got.last[row], static_cast<double>(last), 4e-15);
  }
}

} // namespace

static void test_definition() {
  const Schedule wave = Schedule::from_pieces(
      {stretch(Shape::linear, 300, 1e-6, 3e-4), stretch(Shape::cosine, 900, 3e-4, 3e-5),
       stretch(Shape::constant, 200, 3e-5, 3e-5), stretch(Shape::exponential, 300, 3e-5, 1e-9)},
      300);
  const Schedule noise = Schedule::dense(toys::noise(1000, 3), 0);
  for (const Schedule &schedule : {wave, noise}) {
    std::vector<double> norms = toys::noise(static_cast<std::size_t>(schedule.steps()), 9);
    for (double &norm : norms)
      norm *= 1e4;
    const auto n = schedule.steps();
    for (const Steps &at : {Steps{0, 1, 1, 2}, Steps{127, 128, 129, 256, n - 1}}) {
      compare(schedule, at);
      compare(schedule, at, norms);
    }
  }
}

// Constant LR γ: γ/2 and γ·H_{T−1}/2.
static void test_constant() {
  const Schedule flat = Schedule::from_pieces({stretch(Shape::constant, 20000, 0.3, 0.3)}, 0);
  const Steps at = toys::every(20000, 4999);
  const Areas got = areas(flat, at);
  long double harmonic = 0;
  std::int64_t k = 1;
  for (std::size_t row = 0; row < at.size(); ++row) {
    for (; k <= at[row]; ++k)
      harmonic += 1.0L / static_cast<long double>(k);
    CHECK_NEAR(got.mean[row], 0.15, 1e-15);
    CHECK_NEAR(got.last[row], static_cast<double>(0.15L * harmonic), 2e-15);
  }
}

static void test_zero_rates() {
  const Areas got = areas(Schedule::dense({0.0, 0.0, 0.4, 0.0, 0.2}, 0), {0, 1, 2, 3, 4});
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK(got.mean[0] == 0.0 && got.last[0] == 0.0 && got.mean[1] == 0.0 && got.last[1] == 0.0);
  CHECK_NEAR(got.mean[2], 0.2, 1e-15);
  CHECK_NEAR(got.mean[3], 0.2, 1e-15);
  CHECK(got.last[2] == 0.0 && got.last[3] == inf);
  CHECK_NEAR(got.mean[4], 0.2 / 1.2, 1e-15);
  CHECK_NEAR(got.last[4], 0.5 * (0.4 / 0.2) * (0.2 / 0.6), 1e-15);
}

// Homogeneous: the bound scales with the LR, whatever their size.
static void test_scale() {
  std::vector<double> lr = toys::noise(300, 4);
  const Areas plain = areas(Schedule::dense(lr, 0), {299});
  for (double scale : {0x1p-300, 0x1p+300}) {
    std::vector<double> scaled = lr;
    for (double &rate : scaled)
      rate *= scale;
    const Areas got = areas(Schedule::dense(scaled, 0), {299});
    CHECK_NEAR(got.mean[0], plain.mean[0] * scale, 1e-15);
    CHECK_NEAR(got.last[0], plain.last[0] * scale, 1e-15);
  }
}

static void test_refusals_and_cancel() {
  const Schedule schedule = Schedule::dense(toys::noise(50, 2), 0);
  for (const Steps &at : {Steps{-1}, Steps{50}, Steps{2, 1}})
    CHECK_THROWS(areas(schedule, at), std::invalid_argument);
  const Schedule endless =
      Schedule::from_pieces({stretch(Shape::constant, (1 << 27) + 1, 1e-3, 1e-3)}, 0);
  CHECK_THROWS(areas(endless, {endless.steps() - 1}), std::invalid_argument);
  Cancel cancel;
  cancel.request();
  double mean, last;
  const std::int64_t at = 49;
  CHECK_THROWS(bound_areas(schedule, &at, 1, nullptr, &mean, &last, cancel), Cancelled);
}

int main() {
  test_definition();
  test_constant();
  test_zero_rates();
  test_scale();
  test_refusals_and_cancel();
  return check::finish();
}
