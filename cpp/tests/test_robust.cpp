#include "check.hpp"
#include "lawfit/robust.hpp"
#include "lawfit/simd_plain.hpp"

#include <cmath>
#include <random>
#include <vector>

using namespace lawfit;

template <Loss loss> static auto at(double r, double delta) {
  return rho<loss, simd::Doubles>(r, delta);
}

// rho', rho'' against symmetric differences, in units of delta.
template <Loss loss> static void differences(double r, double delta) {
  const double h = 1e-4 * std::fmin(delta, std::fmax(std::abs(r), 1e-2 * delta));
  const auto here = at<loss>(r, delta), below = at<loss>(r - h, delta),
             above = at<loss>(r + h, delta);
  CHECK_CLOSE(here.d1, (above.rho - below.rho) / (2 * h), 1e-7, delta);
  CHECK_CLOSE(here.d2, (above.d1 - below.d1) / (2 * h), 1e-7, 1.0);
}

template <Loss loss> static void shape(double r, double delta) {
  const auto here = at<loss>(r, delta), mirrored = at<loss>(-r, delta);
  CHECK(here.rho == mirrored.rho && here.d1 == -mirrored.d1);
  CHECK(here.weight == mirrored.weight && here.d2 == mirrored.d2);
  CHECK(here.rho >= 0 && here.weight > 0 && here.weight <= 1 && here.d2 >= 0);
  CHECK(std::abs(here.d1) <= std::abs(r));
  if (r != 0)
    CHECK_NEAR(here.weight, here.d1 / r, 1e-15);
}

template <Loss loss> static void test_loss() {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (int k = 0; k < 200; ++k) {
    const double delta = std::pow(10.0, -6 + 8 * uniform(random));
    std::vector<double> sizes = {0, 1e-3, 0.5, 0.999, 1.001, 2, 50, 2 * uniform(random)};
    for (double size : sizes)
      for (double sign : {-1.0, 1.0}) {
        shape<loss>(sign * size * delta, delta);
        differences<loss>(sign * size * delta, delta);
      }
    const auto zero = at<loss>(0.0, delta);
    CHECK(zero.rho == 0 && zero.d1 == 0 && zero.weight == 1 && zero.d2 == 1);
  }
}

// All are r²/2 for small residuals; the robust ones grow like delta·|r|.
static void test_limits() {
  for (double delta : {1e-3, 1.0, 7.0}) {
    const double r = 1e-6 * delta;
    CHECK_NEAR(at<Loss::squared>(r, delta).rho, r * r / 2, 1e-15);
    CHECK_NEAR(at<Loss::huber>(r, delta).rho, r * r / 2, 1e-15);
    CHECK_NEAR(at<Loss::soft_l1>(r, delta).rho, r * r / 2, 1e-11);
    CHECK_NEAR(at<Loss::huber>(1e3 * delta, delta).rho, delta * delta * (1e3 - 0.5), 1e-15);
    CHECK_NEAR(at<Loss::soft_l1>(1e3 * delta, delta).rho, delta * delta * (std::sqrt(1 + 1e6) - 1),
               1e-14);
    CHECK(at<Loss::huber>(1e300 * delta, delta).d1 == delta);
    CHECK_NEAR(at<Loss::soft_l1>(1e100 * delta, delta).d1, delta, 1e-14);
  }
}

// The Huber loss and its slope are continuous at the knee.
static void test_knee() {
  for (double delta : {1e-3, 0.7, 13.0}) {
    const auto here = at<Loss::huber>(delta, delta),
               beyond = at<Loss::huber>(std::nextafter(delta, 1e9), delta);
    CHECK_NEAR(beyond.rho, here.rho, 1e-14);
    CHECK_NEAR(beyond.d1, here.d1, 1e-14);
    CHECK_NEAR(beyond.weight, here.weight, 1e-14);
    CHECK(here.d2 == 1 && beyond.d2 == 0);
  }
}

static void test_not_a_number() {
  CHECK(std::isnan(at<Loss::squared>(NAN, 1).rho));
  CHECK(std::isnan(at<Loss::huber>(NAN, 1).rho));
  CHECK(std::isnan(at<Loss::soft_l1>(NAN, 1).rho));
}

int main() {
  test_loss<Loss::squared>();
  test_loss<Loss::huber>();
  test_loss<Loss::soft_l1>();
  test_limits();
  test_knee();
  test_not_a_number();
  return check::finish();
}
