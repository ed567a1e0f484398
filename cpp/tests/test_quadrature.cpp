#include "check.hpp"
#include "lawfit/quadrature.hpp"

#include <random>

using namespace lawfit;

constexpr std::size_t points = 16;
using Points = std::array<double, points>;

static Points weights(std::uint64_t seed, double low) {
  std::mt19937_64 random(seed);
  Points w;
  for (double &x : w)
    x = low + (1.0 - low) * std::uniform_real_distribution<double>(0, 1)(random);
  return w;
}

// The rule's nodes are fewer, and lie between the points.
template <std::size_t n> static void check_rule(const Points &x, const Points &w) {
  const auto rule = GaussRule<n>::of(x, w);
  CHECK(rule.has_value());
  if (!rule)
    return;
  for (std::size_t degree = 0; degree < 2 * n; ++degree) {
    double want = 0.0, got = 0.0, size = 0.0;
    for (std::size_t j = 0; j < points; ++j) {
      want += w[j] * std::pow(x[j], static_cast<double>(degree));
      size += std::abs(w[j]);
    }
    for (std::size_t i = 0; i < n; ++i)
      got += rule->weight[i] * std::pow(rule->node[i], static_cast<double>(degree));
    CHECK_NEAR(got, want, 1e-12 * size);
  }
  for (const double node : rule->node)
    CHECK(node > x.front() && node < x.back());
}

static void test_sums_of_polynomials_are_kept() {
  const Points x = chebyshev<points>();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Points w = weights(seed, 0.1);
    for (const double sign : {1.0, -1.0}) {
      for (double &each : w)
        each *= sign;
      check_rule<3>(x, w);
      check_rule<10>(x, w);
    }
  }
}

// Of weights that cancel there is none, and few points leave none for more.
static void test_there_may_be_none() {
  const Points x = chebyshev<points>();
  Points turning = weights(1, 0.1), few = {};
  for (std::size_t j = 0; j < points; j += 2)
    turning[j] = -turning[j];
  few[2] = few[9] = 1.0;
  CHECK(!GaussRule<10>::of(x, turning));
  CHECK(!GaussRule<3>::of(x, few));
  CHECK(!GaussRule<3>::of(x, Points{}));
}

static void test_lagrange() {
  const Lagrange<points> lagrange(chebyshev<points>());
  const auto power = [](double x) { return std::pow(x, 15) - 3.0 * std::pow(x, 8) + 0.25; };
  Points values;
  for (std::size_t j = 0; j < points; ++j)
    values[j] = power(lagrange.nodes()[j]);
  for (const double x : {-1.0, -0.3, 0.0, lagrange.nodes()[4], 0.77, 1.0})
    CHECK_NEAR(dot(lagrange.at(x), values), power(x), 1e-13);
}

int main() {
  test_sums_of_polynomials_are_kept();
  test_there_may_be_none();
  test_lagrange();
  return check::finish();
}
