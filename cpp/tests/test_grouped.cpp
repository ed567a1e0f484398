// A fit across groups is the dense fit of the same law written with columns that mark the groups.
#include "check.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/grouped_covariance.hpp"
#include "lawfit/grouped_multistart.hpp"
#include "toys.hpp"

#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::Point;

namespace {

using Parameters = std::vector<Expression>;
using Build = std::function<void(Formula &, Parameters &)>;
using Kind = StartRange::Kind;

Program program_of(const Build &build, std::size_t parameters) {
  Formula f;
  Parameters p;
  for (std::size_t k = 0; k < parameters; ++k)
    p.push_back(f.parameter());
  build(f, p);
  return f.program();
}

// A law in which each parameter is a group's own or shared, on curves or on the toy columns.
struct Case {
  std::string name;
  Build build;
  std::vector<bool> shared;
  std::vector<Point> theta; // by group
  std::vector<std::size_t> rows;
  std::vector<StartRange> ranges;
  ProblemOptions options;
  bool on_curves = false;
};

class Setup {
public:
  explicit Setup(const Case &given, bool noisy = true)
      : case_(given), program_(program_of(given.build, given.shared.size())) {
    for (std::size_t g = 0; g < given.rows.size(); ++g) {
      data_.push_back(given.on_curves ? toys::curves(given.rows[g])
                                      : toys::columns(given.rows[g], g + 1));
      y_.push_back(toys::noisy(program_, data_[g], given.theta[g], noisy ? 0.01 : 0, g + 5));
      const std::vector<bool> free = toys::all(given.shared.size());
      std::vector<bool> may_centre = free;
      for (std::size_t i = 0; i < free.size(); ++i)
        may_centre[i] = !given.shared[i];
      Cancel cancel;
      problems_.push_back(std::make_unique<Problem>(program_, data_[g], y_[g], Point(),
                                                    given.options, given.theta[g], free, may_centre,
                                                    cancel));
    }
    solver = toys::unbounded(static_cast<int>(given.shared.size()));
  }

  Grouped grouped() const {
    std::vector<const Problem *> problems;
    for (const auto &problem : problems_)
      problems.push_back(problem.get());
    return {problems, case_.shared};
  }

  GroupedSummary solve(int threads = 1, std::int64_t starts = 3) const {
    GroupedOptions options;
    options.starts = starts;
    options.seed = 1;
    options.threads = threads;
    options.ranges.assign(problems_.size(), case_.ranges);
    Cancel cancel;
    return grouped_multistart(grouped(), solver, options, cancel);
  }

  std::vector<std::vector<bool>> at_bound(const std::vector<Point> &theta) const {
    std::vector<std::vector<bool>> out;
    for (const Point &one : theta) {
      out.emplace_back();
      for (std::size_t i = 0; i < one.size(); ++i)
        out.back().push_back(one[i] <= solver.lower[i] || one[i] >= solver.upper[i]);
    }
    return out;
  }

  GroupedCovariance covariance_at(const std::vector<Point> &theta, int threads = 1) const {
    Cancel cancel;
    return grouped_covariance(grouped(), theta, at_bound(theta), threads, cancel);
  }

  // Where the dense law has parameter i of group g: own ones group by group, then the shared ones.
  std::size_t place(std::size_t g, std::size_t i) const {
    const auto own =
        static_cast<std::size_t>(std::count(case_.shared.begin(), case_.shared.end(), false));
    const auto before = static_cast<std::size_t>(std::count(
        case_.shared.begin(), case_.shared.begin() + static_cast<long>(i), case_.shared[i]));
    return case_.shared[i] ? own * problems_.size() + before : g * own + before;
  }

  Point dense(const std::vector<Point> &theta) const {
    Point out(dense_parameters());
    for (std::size_t g = 0; g < theta.size(); ++g)
      for (std::size_t i = 0; i < theta[g].size(); ++i)
        out[place(g, i)] = theta[g][i];
    return out;
  }

  std::size_t dense_parameters() const {
    std::size_t out = 0;
    for (std::size_t g = 0; g < problems_.size(); ++g)
      for (std::size_t i = 0; i < case_.shared.size(); ++i)
        out = std::max(out, place(g, i) + 1);
    return out;
  }

  // The same law for all rows at once, each own parameter a sum over columns that mark groups.
  std::unique_ptr<Problem> dense_problem() const {
    const std::size_t groups = problems_.size(), p = dense_parameters();
    const int marks = case_.on_curves ? 0 : 4;
    Formula f;
    Parameters all, p_of_group;
    for (std::size_t k = 0; k < p; ++k)
      all.push_back(f.parameter());
    for (std::size_t i = 0; i < case_.shared.size(); ++i) {
      Expression sum = all[place(0, i)];
      if (!case_.shared[i]) {
        sum = sum * f.column(marks);
        for (std::size_t g = 1; g < groups; ++g)
          sum = sum + all[place(g, i)] * f.column(marks + static_cast<int>(g));
      }
      p_of_group.push_back(sum);
    }
    case_.build(f, p_of_group);
    Data data;
    Point y;
    data.columns.resize(static_cast<std::size_t>(marks) + groups);
    for (std::size_t g = 0; g < groups; ++g) {
      const Data &part = data_[g];
      for (Track track : part.tracks)
        data.tracks.push_back({track.schedule, track.begin + data.rows, track.end + data.rows});
      data.steps.insert(data.steps.end(), part.steps.begin(), part.steps.end());
      for (std::size_t c = 0; c < part.columns.size(); ++c)
        data.columns[c].insert(data.columns[c].end(), part.columns[c].begin(),
                               part.columns[c].end());
      for (std::size_t h = 0; h < groups; ++h)
        data.columns[static_cast<std::size_t>(marks) + h].insert(
            data.columns[static_cast<std::size_t>(marks) + h].end(), part.rows, h == g);
      y.insert(y.end(), y_[g].begin(), y_[g].end());
      data.rows += part.rows;
    }
    ProblemOptions options = case_.options;
    options.logarithmic.clear();
    Cancel cancel;
    return std::make_unique<Problem>(f.program(), data, y, Point(), options, Point(p), toys::all(p),
                                     toys::all(p, false), cancel);
  }

  SolverOptions dense_solver() const {
    SolverOptions out;
    std::vector<Point> low(problems_.size(), solver.lower), high(problems_.size(), solver.upper);
    out.lower = dense(low);
    out.upper = dense(high);
    return out;
  }

  SolverOptions solver;

private:
  Case case_;
  Program program_;
  std::vector<Data> data_;
  std::vector<Point> y_;
  std::vector<std::unique_ptr<Problem>> problems_;
};

// c_g + a_g·x^-b + d·z, with b and d shared; the last group has fewer rows than parameters.
Case power(Loss loss = Loss::huber) {
  return {
      "power",
      [](Formula &f, Parameters &p) { p[0] + p[1] * pow(f.column(2), -p[2]) + p[3] * f.column(3); },
      {false, false, true, true},
      {{2, 0.5, 0.6, 0.1}, {3, 0.7, 0.6, 0.1}, {1.5, 0.9, 0.6, 0.1}},
      {60, 45, 3},
      {{Kind::eliminated, 0, 0},
       {Kind::eliminated, 0, 0},
       {Kind::log, 0.05, 3},
       {Kind::eliminated, 0, 0}},
      {loss, 0.02, Space::log}};
}

// The annealing law with one momentum and one exponent for all.
Case annealing(Loss loss = Loss::huber) {
  return {"annealing, free lambda",
          [](Formula &f, Parameters &p) { p[0] + p[1] * pow(f.s1(), -p[2]) - p[3] * f.s2(p[4]); },
          {false, false, true, false, true},
          {{2.6, 0.5, 0.4, 2, 0.997}, {2.2, 0.6, 0.4, 3, 0.997}, {3.0, 0.4, 0.4, 2.5, 0.997}},
          {80, 60, 40},
          {{Kind::eliminated, 0, 0},
           {Kind::eliminated, 0, 0},
           {Kind::log, 0.1, 1},
           {Kind::eliminated, 0, 0},
           {Kind::uniform, 0.99, 0.9995}},
          {loss, 0.01, Space::log},
          true};
}

void compare_matrices(const Setup &setup, const GroupedCovariance &got, const Covariance &want,
                      const std::vector<bool> &shared, double tolerance) {
  const std::size_t p = shared.size(), all = setup.dense_parameters();
  const auto check = [&](double value, std::size_t a, std::size_t b) {
    const double expected = want.matrix[a * all + b];
    if (std::isfinite(expected))
      CHECK_CLOSE(value, expected, tolerance,
                  std::sqrt(want.matrix[a * all + a] * want.matrix[b * all + b]));
    else
      CHECK(std::isnan(expected) ? std::isnan(value) : value == expected);
  };
  for (std::size_t g = 0; g < got.groups.size(); ++g)
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < p; ++j) {
        check(got.groups[g].matrix[i * p + j], setup.place(g, i), setup.place(g, j));
        if (shared[i] && shared[j])
          check(got.shared.matrix[i * p + j], setup.place(g, i), setup.place(g, j));
      }
}

// Objective, parameters and covariance of a case and of its dense twin.
void compare_with_dense(const Case &given, const std::function<void(Setup &)> &change = {}) {
  Setup setup(given);
  if (change)
    change(setup);
  const GroupedSummary found = setup.solve();
  CHECK(found.best.status == Status::converged);
  CHECK(found.agreed == found.asked && found.failed == 0);
  const std::unique_ptr<Problem> problem = setup.dense_problem();
  const SolverOptions solver = setup.dense_solver();
  Point theta = setup.dense(given.theta);
  for (std::size_t i = 0; i < theta.size(); ++i)
    theta[i] = std::clamp(theta[i], solver.lower[i], solver.upper[i]);
  toys::ProblemObjective objective(*problem);
  const SolverSummary dense = LevenbergMarquardt(solver).solve(objective, theta.data());
  CHECK_NEAR(found.best.objective, dense.objective, 1e-12);
  const Point joined = setup.dense(found.theta);
  std::vector<bool> at_bound;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    CHECK_CLOSE(joined[i], theta[i], 1e-8, 1e-3);
    at_bound.push_back(theta[i] <= solver.lower[i] || theta[i] >= solver.upper[i]);
  }
  Cancel cancel;
  compare_matrices(setup, setup.covariance_at(found.theta),
                   covariance(*problem, theta.data(), at_bound, cancel), given.shared, 1e-6);
}

bool same_bits(const Point &a, const Point &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

} // namespace

static void test_dense_twin() {
  for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1}) {
    compare_with_dense(power(loss));
    compare_with_dense(annealing(loss));
  }
}

static void test_bounds() {
  Case steeper = power();
  steeper.ranges[2].low = 0.7;
  compare_with_dense(steeper, [](Setup &setup) { setup.solver.lower[2] = 0.7; }); // shared
  compare_with_dense(power(), [](Setup &setup) { setup.solver.upper[0] = 2.5; }); // of one group
  compare_with_dense(power(Loss::squared), [](Setup &setup) { setup.solver.upper[3] = 0.05; });
}

// c + exp(-x/s_g): the own scales are sought by their logarithms, which are below 0.
static void test_own_logarithms() {
  const Case given = {"scales",
                      [](Formula &f, Parameters &p) { p[0] + exp(-(f.column(2) / p[1])); },
                      {true, false},
                      {{2, 0.3}, {2, 0.07}, {2, 0.9}},
                      {60, 50, 40},
                      {{Kind::eliminated, 0, 0}, {Kind::log, 0.02, 2}},
                      {Loss::huber, 0.02, Space::log, {false, true}}};
  compare_with_dense(given, [](Setup &setup) { setup.solver.lower[1] = 0; });
  for (const double most : {0.5, 0.6, 0.7, 0.8}) {
    Setup setup(given);
    setup.solver.lower[1] = 0;
    setup.solver.upper[1] = most;
    const GroupedSummary found = setup.solve();
    CHECK(found.theta[2][1] == most && found.theta[1][1] < 0.1);
  }
}

static void test_recovery_without_noise() {
  for (const Case &given : {power(), annealing()}) {
    const Setup setup(given, false);
    const GroupedSummary found = setup.solve();
    for (std::size_t g = 0; g < found.theta.size(); ++g)
      for (std::size_t i = 0; i < found.theta[g].size(); ++i)
        CHECK_NEAR(found.theta[g][i], given.theta[g][i], 1e-7);
  }
}

// Groups enough to be shared out to threads, or else starts.
static void test_threads() {
  for (std::size_t rows : {100, 1300}) {
    Case given = power();
    given.theta.clear();
    given.rows.clear();
    for (std::size_t g = 0; g < 40; ++g) {
      const auto x = static_cast<double>(g);
      given.theta.push_back({2 + 0.05 * x, 0.5 + 0.01 * x, 0.6, 0.1});
      given.rows.push_back(rows + g);
    }
    const Setup setup(given);
    const std::int64_t starts = rows < 1000 ? 10 : 3;
    const GroupedSummary one = setup.solve(1, starts);
    const GroupedCovariance errors = setup.covariance_at(one.theta, 1);
    CHECK(one.run == starts && one.agreed == starts);
    for (int threads : {2, 3, 8}) {
      const GroupedSummary many = setup.solve(threads, starts);
      const GroupedCovariance same = setup.covariance_at(one.theta, threads);
      CHECK(many.best.objective == one.best.objective && many.evaluations == one.evaluations);
      CHECK(many.best_start == one.best_start);
      for (std::size_t g = 0; g < one.theta.size(); ++g) {
        CHECK(same_bits(many.theta[g], one.theta[g]));
        CHECK(same_bits(same.groups[g].matrix, errors.groups[g].matrix));
      }
    }
  }
}

// A sum of a shared and an own constant: neither is determined, and all that stands beside is.
static void test_undetermined() {
  Case given = power(Loss::squared);
  for (Point &theta : given.theta)
    theta[3] = 0;
  given.build = [](Formula &f, Parameters &p) { p[0] + p[3] + p[1] * pow(f.column(2), -p[2]); };
  for (Loss loss : {Loss::squared, Loss::huber}) {
    given.options.loss = loss;
    const Setup setup(given);
    const GroupedSummary found = setup.solve();
    const GroupedCovariance errors = setup.covariance_at(found.theta);
    CHECK((errors.shared.undetermined == std::vector<bool>{false, false, false, true}));
    for (const Covariance &group : errors.groups) {
      CHECK((group.undetermined == std::vector<bool>{true, false, false, true}));
      CHECK(group.rank == 3 && group.condition == toys::infinity);
      CHECK(group.matrix[0] == toys::infinity && std::isnan(group.matrix[1]));
      CHECK(group.matrix[5] > 0 && std::isfinite(group.matrix[5]));
      CHECK_NEAR(group.matrix[10], errors.shared.matrix[10], 1e-6);
    }
    // Without the shared constant nothing is lost, and the rest has the same errors.
    Case plain = given;
    plain.build = [](Formula &f, Parameters &p) {
      p[0] + p[1] * pow(f.column(2), -p[2]) + 0.0 * p[3];
    };
    const Setup other(plain);
    const GroupedCovariance want = other.covariance_at(other.solve().theta);
    for (std::size_t g = 0; g < want.groups.size(); ++g)
      CHECK_NEAR(errors.groups[g].matrix[5], want.groups[g].matrix[5], 1e-5);
  }
}

// One row does not determine two parameters; the other groups do not feel it.
static void test_group_with_too_few_rows() {
  Case given = power(Loss::squared);
  given.rows = {60, 45, 1};
  const Setup setup(given);
  const GroupedCovariance errors = setup.covariance_at(setup.solve().theta);
  CHECK((errors.groups[2].undetermined == std::vector<bool>{true, true, false, false}));
  CHECK((errors.groups[0].undetermined == toys::all(4, false)));
  given.rows.pop_back();
  given.theta.pop_back();
  const Setup without(given);
  const GroupedCovariance want = without.covariance_at(without.solve().theta);
  for (std::size_t k = 0; k < 16; ++k)
    CHECK_NEAR(errors.groups[0].matrix[k], want.groups[0].matrix[k], 1e-6);
}

static void test_refusals() {
  const Setup setup(power());
  CHECK_THROWS(Grouped({}, {true}), std::invalid_argument);
  Cancel cancel;
  const Program law = program_of(power().build, 4);
  const Data data = toys::columns(20);
  const Point theta = power().theta[0], y = toys::noisy(law, data, theta, 0);
  const Problem centred(law, data, y, {}, {}, theta, toys::all(4), toys::all(4), cancel);
  CHECK_THROWS(Grouped({&centred}, {false, true, true, true}), std::invalid_argument);
  CHECK_THROWS(Grouped({&centred}, {true, true, true}), std::invalid_argument);
  ProblemOptions options;
  options.logarithmic = {false, false, true, false};
  const Problem logarithm(law, data, y, {}, options, theta, toys::all(4), toys::all(4, false),
                          cancel);
  CHECK_THROWS(Grouped({&logarithm}, {false, false, true, true}), std::invalid_argument);
}

static void test_cancel() {
  const Setup setup(power());
  GroupedOptions options;
  options.ranges.assign(3, power().ranges);
  Cancel cancel;
  cancel.request();
  CHECK_THROWS(grouped_multistart(setup.grouped(), setup.solver, options, cancel), Cancelled);
}

int main() {
  test_dense_twin();
  test_bounds();
  test_own_logarithms();
  test_recovery_without_noise();
  test_threads();
  test_undetermined();
  test_group_with_too_few_rows();
  test_refusals();
  test_cancel();
  return check::finish();
}
