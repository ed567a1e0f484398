#include "check.hpp"
#include "lawfit/robust.hpp"

#include <cmath>
#include <random>
#include <vector>

using namespace lawfit;

// rho', rho'' against symmetric differences, in units of delta.
template <Loss loss> static void differences(double r, double delta) {
  const double h = 1e-4 * std::fmin(delta, std::fmax(std::abs(r), 1e-2 * delta));
  const Rho at = rho<loss>(r, delta), below = rho<loss>(r - h, delta),
            above = rho<loss>(r + h, delta);
  CHECK_CLOSE(at.d1, (above.rho - below.rho) / (2 * h), 1e-7, delta);
  CHECK_CLOSE(at.d2, (above.d1 - below.d1) / (2 * h), 1e-7, 1.0);
}

template <Loss loss> static void shape(double r, double delta) {
  const Rho at = rho<loss>(r, delta), mirrored = rho<loss>(-r, delta);
  CHECK(at.rho == mirrored.rho && at.d1 == -mirrored.d1);
  CHECK(at.weight == mirrored.weight && at.d2 == mirrored.d2);
  CHECK(at.rho >= 0 && at.weight > 0 && at.weight <= 1 && at.d2 >= 0);
  CHECK(std::abs(at.d1) <= std::abs(r));
  if (r != 0)
    CHECK_NEAR(at.weight, at.d1 / r, 1e-15);
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
    const Rho zero = rho<loss>(0.0, delta);
    CHECK(zero.rho == 0 && zero.d1 == 0 && zero.weight == 1 && zero.d2 == 1);
  }
}

// All are r²/2 for small residuals; the robust ones grow like delta·|r|.
static void test_limits() {
  for (double delta : {1e-3, 1.0, 7.0}) {
    const double r = 1e-6 * delta;
    CHECK_NEAR(rho<Loss::squared>(r, delta).rho, r * r / 2, 1e-15);
    CHECK_NEAR(rho<Loss::huber>(r, delta).rho, r * r / 2, 1e-15);
    CHECK_NEAR(rho<Loss::soft_l1>(r, delta).rho, r * r / 2, 1e-11);
    CHECK_NEAR(rho<Loss::huber>(1e3 * delta, delta).rho, delta * delta * (1e3 - 0.5), 1e-15);
    CHECK_NEAR(rho<Loss::soft_l1>(1e3 * delta, delta).rho, delta * delta * (std::sqrt(1 + 1e6) - 1),
               1e-14);
    CHECK(rho<Loss::huber>(1e300 * delta, delta).d1 == delta);
    CHECK_NEAR(rho<Loss::soft_l1>(1e100 * delta, delta).d1, delta, 1e-14);
  }
}

// The Huber loss and its slope are continuous at the knee.
static void test_knee() {
  for (double delta : {1e-3, 0.7, 13.0}) {
    const Rho at = rho<Loss::huber>(delta, delta),
              beyond = rho<Loss::huber>(std::nextafter(delta, 1e9), delta);
    CHECK_NEAR(beyond.rho, at.rho, 1e-14);
    CHECK_NEAR(beyond.d1, at.d1, 1e-14);
    CHECK_NEAR(beyond.weight, at.weight, 1e-14);
    CHECK(at.d2 == 1 && beyond.d2 == 0);
  }
}

static void test_not_a_number() {
  CHECK(std::isnan(rho<Loss::squared>(NAN, 1).rho));
  CHECK(std::isnan(rho<Loss::huber>(NAN, 1).rho));
  CHECK(std::isnan(rho<Loss::soft_l1>(NAN, 1).rho));
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
