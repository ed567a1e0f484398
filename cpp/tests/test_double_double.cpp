// Arithmetic and functions of 106 bits, against values that mpmath gave to 80 digits and against
// long doubles.
#include "check.hpp"
#include "lawfit/extended_real.hpp"
#include "lawfit/rules.hpp"

#include <limits>
#include <random>
#include <vector>

using namespace lawfit;

namespace {

struct Value {
  double x, high, low;
};

// Of the value's size: a few of the last bits.
constexpr double tolerance = 8e-31;

void check_value(const char *name, double x, DoubleDouble got, double high, double low) {
  const double off = ((got - high) - low).rounded();
  if (!(std::abs(off) <= tolerance * std::abs(high))) {
    ++check::failures;
    std::printf("%s(%.17g) is off by %.3g of its size\n", name, x, off / high);
  }
}

template <class F> void check_function(const char *name, F f, const std::vector<Value> &values) {
  for (const Value &value : values)
    check_value(name, value.x, f(value.x), value.high, value.low);
}

void test_functions() {
  check_function("sqrt", [](DoubleDouble x) { return sqrt(x); },
                 {
                     {2.0, 1.4142135623730951, -9.667293313452913e-17},
                     {1e-250, 1e-125, 1.5013408365344572e-142},
                     {3.7e+200, 1.9235384061671347e+100, -1.4804979575151815e+84},
                     {0.1, 0.31622776601683794, 8.004969469767158e-19},
                 });
  check_function("exp", [](DoubleDouble x) { return exp(x); },
                 {
                     {1.0, 2.718281828459045, 1.4456468917292502e-16},
                     {-1.0, 0.36787944117144233, -1.2428753672788363e-17},
                     {0.3, 1.3498588075760032, -9.447314673432387e-17},
                     {1e-09, 1.000000001, -8.224037093664211e-17},
                     {-36.7, 1.1518409493076097e-16, -7.470452781883121e-33},
                     {700.1, 1.120899771073261e+304, -1.0893860347277567e+288},
                     {-500.3, 5.278016016752966e-218, 5.4690819745921324e-235},
                     {0.34657, 1.4142084849595797, -7.470324230433341e-17},
                 });
  check_function("expm1", [](DoubleDouble x) { return expm1(x); },
                 {
                     {1e-12, 1.0000000000005e-12, -2.421793960301238e-29},
                     {-0.2, -0.18126924692201815, 8.381141526439973e-19},
                     {0.35, 0.41906754859325723, -1.6297529353529618e-17},
                     {0.3501, 0.41920946244369084, 2.6776058589346155e-17},
                     {5.0, 147.4131591025766, 3.4863514900464198e-15},
                     {-40.0, -1.0, 4.248354255291589e-18},
                 });
  check_function("log", [](DoubleDouble x) { return log(x); },
                 {
                     {0.1, -2.3025850929940455, -1.7150243628057985e-16},
                     {0.99, -0.01005033585350145, 4.341832787901688e-19},
                     {1.0001, 9.999500033329732e-05, 1.739121921953736e-21},
                     {1.9, 0.6418538861723947, 3.502420353023819e-17},
                     {7.0, 1.9459101490553132, 7.323586207904907e-17},
                     {1e+300, 690.7755278982137, 2.3747660028800243e-14},
                     {1e-280, -644.7238260383328, 5.3633111285271455e-14},
                     {123456.789, 11.723646487185881, -4.1025541885795297e-16},
                 });
  check_function("log1p", [](DoubleDouble x) { return log1p(x); },
                 {
                     {1e-15, 9.999999999999995e-16, 9.164567891575911e-32},
                     {-0.3, -0.35667494393873234, -2.6895094047056423e-17},
                     {0.4, 0.33647223662121295, -3.704625908593426e-18},
                     {-0.99, -4.605170185988091, 4.341512446764495e-16},
                     {3.0, 1.3862943611198906, 4.638093627692599e-17},
                     {10000000000.0, 23.025850930040455, 1.3736784183183428e-15},
                 });
  check_function("sin", [](DoubleDouble x) { return sin(x); },
                 {
                     {0.1, 0.09983341664682815, 3.08001512929492e-18},
                     {0.8, 0.7173560908995228, 1.1851419720716684e-18},
                     {3.141592653589793, 1.2246467991473532e-16, -2.99476980971834e-33},
                     {-2.0, -0.9092974268256817, 1.4020906557816256e-17},
                     {100.25, -0.2772828564548513, -1.361336774720287e-17},
                     {1000000.0, -0.34999350217129294, -1.5952848809323968e-17},
                     {123456789.0, 0.9901147518020355, -8.980618906983069e-18},
                 });
  check_function("cos", [](DoubleDouble x) { return cos(x); },
                 {
                     {0.1, 0.9950041652780258, -5.50210156918377e-17},
                     {0.8, 0.6967067093471654, 1.9275818349860986e-18},
                     {1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33},
                     {-2.0, -0.4161468365471424, 1.990596398957495e-17},
                     {100.25, 0.9607883312760612, -2.1441388741342008e-17},
                     {1000000.0, 0.9367521275331447, 4.637088260214747e-17},
                     {123456789.0, 0.14025968153390964, -5.935903437627408e-18},
                 });
  check_function("tan", [](DoubleDouble x) { return tan(x); },
                 {
                     {0.1, 0.10033467208545055, 1.5035002650032697e-18},
                     {0.8, 1.0296385570503641, -7.353500314946367e-18},
                     {-2.0, 2.185039863261519, 1.0289483692188619e-16},
                     {100.25, -0.2885993172779075, -2.2496992911304078e-17},
                 });
  check_function("atan", [](DoubleDouble x) { return atan(x); },
                 {
                     {1e-08, 1e-08, -3.3333333333333335e-25},
                     {0.3, 0.2914567944778671, -1.6448555435075034e-17},
                     {1.0, 0.7853981633974483, 3.061616997868383e-17},
                     {-7.0, -1.4288992721907328, 6.457134743238754e-17},
                     {1000000000000.0, 1.5707963267938967, -7.191168262665204e-17},
                 });
  check_function("tanh", [](DoubleDouble x) { return tanh(x); },
                 {
                     {1e-10, 1e-10, -3.3333333333333338e-31},
                     {0.3, 0.2913126124515909, -6.4602656586469586e-18},
                     {-1.0, -0.7615941559557649, -3.7090214482164924e-17},
                     {20.0, 1.0, -8.496708510583178e-18},
                     {100.0, 1.0, 0.0},
                 });
}

void test_powers() {
  struct Power {
    double x, y, high, low;
  };
  const Power powers[] = {
      {2.5, -3.0, 0.064, -1.3322676295501879e-18},
      {-1.1, 7.0, -1.9487171000000012, 9.968639247404072e-17},
      {3.0, 0.1, 1.1161231740339044, 6.626941979845166e-17},
      {10000000.0, -0.34, 0.004168693834703353, -2.920465083196767e-19},
      {0.3, 123.25, 3.59082834064791e-65, -7.317712526948285e-82},
      {2.0, 1000.5, 1.5153420044823246e+301, -1.0358587993559046e+285},
      {-2.0, -64.0, 5.421010862427522e-20, 0.0},
  };
  for (const Power &one : powers) {
    // log x is rounded before it is multiplied.
    const double room = 1 + std::abs(one.y * std::log(std::abs(one.x)));
    const DoubleDouble got = pow(DoubleDouble(one.x), DoubleDouble(one.y));
    const double off = ((got - one.high) - one.low).rounded();
    CHECK(std::abs(off) <= room * tolerance * std::abs(one.high));
  }
  CHECK(pow(DoubleDouble(0.0), DoubleDouble(0.5)) == DoubleDouble(0.0));
  CHECK(pow(DoubleDouble(0.0), DoubleDouble(0.0)) == DoubleDouble(1.0));
  CHECK(isnan(pow(DoubleDouble(-2.0), DoubleDouble(0.5))));
}

// a/b·b is a, √a·√a is a, and so on, for numbers of all their bits.
void test_identities() {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  for (int k = 0; k < 2000; ++k) {
    const double size = std::exp(20 * uniform(random));
    const DoubleDouble a = fast_two_sum(size, 1e-17 * size * uniform(random));
    const DoubleDouble b = fast_two_sum(uniform(random), 1e-17 * uniform(random));
    const auto same = [](DoubleDouble x, DoubleDouble y, double scale) {
      return std::abs((x - y).rounded()) <= tolerance * scale;
    };
    CHECK(same(a / b * b, a, a.hi));
    CHECK(same(sqrt(a) * sqrt(a), a, a.hi));
    CHECK(same(log(exp(b)), b, 1.0));
    CHECK(same(exp(log(a)), a, 20 * a.hi));
    CHECK(same(sin(b) * sin(b) + cos(b) * cos(b), 1.0, 1.0));
    CHECK(same(tan(atan(b)), b, 1.0));
    CHECK(same(log1p(expm1(b)), b, 1.0));
    CHECK((a < b) == !(b <= a) && (a == b) == !(a != b));
  }
}

void test_no_value() {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(isnan(exp(DoubleDouble(710.0))) && exp(DoubleDouble(-800.0)) == DoubleDouble(0.0));
  CHECK(isnan(log(DoubleDouble(-1.0))) && !isfinite(log(DoubleDouble(0.0))));
  CHECK(isnan(log1p(DoubleDouble(-2.0))) && isnan(sqrt(DoubleDouble(-1.0))));
  CHECK(isnan(sin(DoubleDouble(1e10))) && isnan(cos(DoubleDouble(nan))));
  CHECK(isnan(atan(DoubleDouble(nan))) && isnan(tanh(DoubleDouble(nan))));
  CHECK(sqrt(DoubleDouble(0.0)) == DoubleDouble(0.0));
}

// One rule an operation, whatever the type.
template <class Long> void test_rules_at(double x, double y) {
  const auto near = [](DoubleDouble got, Long want) {
    const auto size = static_cast<double>(want);
    const double off = (got - DoubleDouble(size)).rounded() - static_cast<double>(want - size);
    CHECK(std::abs(off) <=
          64 * std::numeric_limits<Long>::epsilon() * std::fmax(1, std::abs(size)));
  };
  for (int k = static_cast<int>(Op::add); k < op_count; ++k) {
    const Op op = static_cast<Op>(k);
    visit_unary<DoubleDouble>(op, [&](auto rule) {
      visit_unary<Long>(op, [&](auto plain) {
        const Long want = plain.value(x);
        near(rule.value(x), want);
        near(rule.partials(x, rule.value(x)).d1, plain.partials(x, want).d1);
        near(rule.partials(x, rule.value(x)).d2, plain.partials(x, want).d2);
      });
    });
    visit_binary<DoubleDouble>(op, [&](auto rule) {
      visit_binary<Long>(op, [&](auto plain) {
        const Long want = plain.value(x, y);
        const auto got = rule.partials(x, y, rule.value(x, y));
        const auto all = plain.partials(x, y, want);
        near(rule.value(x, y), want);
        near(got.x, all.x);
        near(got.y, all.y);
        near(got.xx, all.xx);
        near(got.xy, all.xy);
        near(got.yy, all.yy);
      });
    });
  }
}

void test_rules() {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0.05, 1.4);
  for (int k = 0; k < 300; ++k)
    test_rules_at<long double>(uniform(random), uniform(random));
}

} // namespace

int main() {
  test_functions();
  test_powers();
  test_identities();
  test_no_value();
  test_rules();
  return check::finish();
}
