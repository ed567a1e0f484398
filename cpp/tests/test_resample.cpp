// Bootstraps: draws, problems whose rows are chosen, refits, and many groups at once.
#include "check.hpp"
#include "lawfit/batch.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/resample.hpp"
#include "toy_laws.hpp"

#include <numeric>

using namespace lawfit;

namespace {

using Times = std::vector<std::uint32_t>;

Times drawn(const ResampleOptions &options, std::int64_t k, std::size_t rows) {
  Times times(rows);
  draw_rows(options, k, times);
  return times;
}

// A law over noisy rows, with its minimum.
struct Fitted {
  Fitted(const toys::Law &law, const ProblemOptions &options, double noise, std::size_t rows = 150)
      : data(toys::data_of(law, rows)), y(toys::noisy(law.program, data, law.theta, noise)),
        problem(law.program, data, y, {}, options, law.theta, toys::all(law.theta.size()),
                toys::all(law.theta.size()), cancel),
        solver(toys::unbounded(problem.parameters())) {
    theta = minimum(problem, law.theta).theta;
  }

  MultistartSummary minimum(const Problem &of, const toys::Point &start) {
    MultistartOptions options;
    options.given = {start};
    options.threads = 1;
    return multistart(of, solver, options, cancel);
  }

  Problem weighed(const toys::Law &law, const ProblemOptions &options, const Times &times) {
    return Problem(law.program, data, y, {times.begin(), times.end()}, options, law.theta,
                   toys::all(law.theta.size()), toys::all(law.theta.size()), cancel);
  }

  Cancel cancel;
  Data data;
  toys::Point y, theta;
  Problem problem;
  SolverOptions solver;
};

struct Refits {
  Refits(std::size_t p, std::int64_t n)
      : theta(p * static_cast<std::size_t>(n)), objective(static_cast<std::size_t>(n)),
        status(static_cast<std::size_t>(n)) {}
  Replicates out() { return {theta.data(), objective.size(), objective.data(), status.data()}; }

  toys::Point theta, objective;
  std::vector<std::int8_t> status;
};

void test_draws() {
  constexpr std::size_t rows = 50;
  constexpr std::int64_t n = 2000;
  const ResampleOptions options{n, 7, 1, {}};
  std::vector<double> sum(rows);
  double absent = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    const Times times = drawn(options, k, rows);
    CHECK(std::accumulate(times.begin(), times.end(), 0U) == rows);
    for (std::size_t i = 0; i < rows; ++i) {
      sum[i] += times[i];
      absent += times[i] == 0;
    }
  }
  // A count has mean 1 and variance 1 - 1/rows.
  for (double total : sum)
    CHECK_NEAR(total / n, 1.0, 5 / std::sqrt(double(n)));
  CHECK_NEAR(absent / (n * rows), std::pow(1 - 1.0 / rows, rows), 0.01);
  CHECK(drawn(options, 3, rows) == drawn({1, 7, 4, {}}, 3, rows));
  CHECK(drawn(options, 3, rows) != drawn(options, 4, rows));
  CHECK(drawn(options, 3, rows) != drawn({n, 8, 1, {}}, 3, rows));
}

void test_draws_within_parts() {
  const ResampleOptions options{1, 3, 1, {0, 1, 10}};
  for (std::int64_t k = 0; k < 50; ++k) {
    const Times times = drawn(options, k, 30);
    CHECK(times[0] == 1);
    CHECK(std::accumulate(times.begin(), times.begin() + 10, 0U) == 10);
    CHECK(std::accumulate(times.begin(), times.end(), 0U) == 30);
  }
}

// Rows that are taken so many times are rows of so much weight.
void test_taken_rows_are_weights() {
  for (const toys::Law &law : toys::laws()) {
    const ProblemOptions options{Loss::soft_l1, 1e-2, Space::linear};
    Fitted fitted(law, options, 0.01);
    const Times times = drawn({1, 5, 1, {}}, 0, fitted.problem.rows());
    const Problem want = fitted.weighed(law, options, times);
    Problem taken(fitted.problem);
    for (int repeat = 0; repeat < 2; ++repeat) { // rows that were left out can come back
      const Times every(times.size(), 1);
      taken.take_rows(fitted.problem, every.data());
      CHECK(taken.rows() == times.size());
      taken.take_rows(fitted.problem, times.data());
    }
    for (Coordinates coordinates : {Coordinates::natural, Coordinates::centred}) {
      toys::Point theta = law.theta;
      if (coordinates == Coordinates::centred)
        want.to_centred(theta);
      Problem::Workspace of_taken(taken, coordinates), of_want(want, coordinates);
      Evaluation a, b;
      CHECK(taken.evaluate(theta.data(), 2, a, of_taken, fitted.cancel));
      CHECK(want.evaluate(theta.data(), 2, b, of_want, fitted.cancel));
      CHECK_NEAR(a.objective, b.objective, 1e-13);
      const std::size_t p = theta.size();
      const double size = toys::largest({b.gauss_newton, b.gauss_newton + p * p});
      for (std::size_t i = 0; i < p * p; ++i) {
        CHECK_CLOSE(a.gauss_newton[i], b.gauss_newton[i], 1e-12, size);
        CHECK_CLOSE(a.hessian[i], b.hessian[i], 1e-11, size);
      }
    }
  }
}

// A replicate is at the minimum that a solve over the weighed rows finds from the same start.
void test_refits_are_minima() {
  for (const toys::Law &law : toys::laws())
    for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1}) {
      if (law.has_free_lambda())
        continue; // slow, and the same path as other row by row laws
      const ProblemOptions options{loss, 1e-3, Space::linear};
      Fitted fitted(law, options, 1e-3);
      Refits refits(law.theta.size(), 12);
      const ResampleOptions how{12, 1, 1, {}};
      resample(fitted.problem, fitted.solver, fitted.theta, how, refits.out(), fitted.cancel);
      for (std::int64_t k = 0; k < how.replicates; ++k) {
        const Times times = drawn(how, k, fitted.problem.rows());
        const Problem weighed = fitted.weighed(law, options, times);
        const MultistartSummary want = fitted.minimum(weighed, fitted.theta);
        const auto at = static_cast<std::size_t>(k);
        const Covariance errors = covariance(weighed, want.theta.data(),
                                             toys::all(law.theta.size(), false), fitted.cancel);
        CHECK(refits.status[at] == static_cast<std::int8_t>(errors.status(want.best.status)));
        CHECK(refits.objective[at] <= want.best.objective * (1 + 1e-9) + fitted.problem.rounding());
      }
    }
}

// Where as many rows are drawn as there are parameters, all of the objective is rounding.
void test_few_rows_leave_nothing_below_zero() {
  const toys::Law law = toys::laws()[3];
  Fitted fitted(law, {Loss::squared, 1e-3, Space::linear}, 1e-2, law.theta.size() + 2);
  Refits refits(law.theta.size(), 1000);
  resample(fitted.problem, fitted.solver, fitted.theta, {1000, 7, 1, {}}, refits.out(),
           fitted.cancel);
  CHECK(std::count_if(refits.objective.begin(), refits.objective.end(),
                      [](double objective) { return objective < 1e-20; }) > 100);
  CHECK(std::all_of(refits.objective.begin(), refits.objective.end(),
                    [](double objective) { return objective >= 0; }));
}

void test_threads_and_number_change_nothing() {
  const toys::Law law = toys::laws()[3];
  Fitted fitted(law, {Loss::huber, 1e-3, Space::log}, 5e-3);
  Refits one(law.theta.size(), 100);
  resample(fitted.problem, fitted.solver, fitted.theta, {100, 4, 1, {}}, one.out(), fitted.cancel);
  for (int threads : {2, 3, 8}) {
    Refits other(law.theta.size(), 100);
    resample(fitted.problem, fitted.solver, fitted.theta, {100, 4, threads, {}}, other.out(),
             fitted.cancel);
    CHECK(one.theta == other.theta && one.objective == other.objective);
  }
  Refits fewer(law.theta.size(), 10);
  resample(fitted.problem, fitted.solver, fitted.theta, {10, 4, 1, {}}, fewer.out(), fitted.cancel);
  for (std::size_t k = 0; k < 10; ++k)
    CHECK(fewer.theta[k] == one.theta[k] && fewer.objective[k] == one.objective[k]);
}

// Too few rows are drawn now and then to tell three parameters apart.
void test_what_rows_do_not_determine_is_told() {
  toys::Formula f;
  const auto a = f.parameter(), b = f.parameter(), c = f.parameter();
  a + b *f.column(0) + c *f.column(0) * f.column(0);
  Data data;
  data.rows = 4;
  data.columns = {{-1, 0, 1, 2}};
  Cancel cancel;
  const toys::Point y{1.1, 1.9, 4.2, 9.0};
  const Problem problem(f.program(), data, y, {}, {Loss::squared, 1, Space::linear}, {1, 1, 1},
                        toys::all(3), toys::all(3), cancel);
  const SolverOptions solver = toys::unbounded(3);
  MultistartOptions start;
  start.given = {{1, 1, 1}};
  const toys::Point theta = multistart(problem, solver, start, cancel).theta;
  Refits refits(3, 200);
  const ResampleOptions how{200, 0, 1, {}};
  resample(problem, solver, theta, how, refits.out(), cancel);
  int lost = 0;
  for (std::int64_t k = 0; k < how.replicates; ++k) {
    const Times times = drawn(how, k, 4);
    const auto distinct = std::count_if(times.begin(), times.end(), [](auto t) { return t > 0; });
    const bool told = refits.status[static_cast<std::size_t>(k)] ==
                      static_cast<std::int8_t>(Status::rank_deficient);
    CHECK(told == (distinct < 3));
    lost += distinct < 3;
  }
  CHECK(lost > 0 && lost < 200);
}

// Interleaved groups of one table, each as if it were alone.
void test_groups_are_fits_of_their_own() {
  const toys::Law law = toys::laws()[3];
  const ProblemOptions options{Loss::huber, 1e-3, Space::log, toys::all(5, false)};
  const Data data = toys::data_of(law, 400);
  const toys::Point y = toys::noisy(law.program, data, law.theta, 5e-3), none;
  Groups groups{law.program, data, y, none, {}, {0}};
  constexpr std::size_t count = 4;
  for (std::size_t g = 0; g < count; ++g) {
    for (std::size_t i = g; i < data.rows; i += count)
      groups.rows.push_back(i);
    groups.first.push_back(groups.rows.size());
  }
  BatchOptions how;
  how.problem = options;
  how.theta = law.theta;
  how.free = how.may_centre = toys::all(5);
  how.solver = toys::unbounded(5);
  how.given = {law.theta};
  how.ranges = {std::vector<StartRange>(5)};
  how.replicates = 20;
  how.resample_seed = 9;

  struct Found {
    toys::Point theta, errors, objective;
    std::vector<std::int8_t> status;
    std::vector<std::int64_t> agreed, asked;
    Refits refits;
  };
  Cancel cancel;
  const auto fit = [&](int threads) {
    Found found{toys::Point(5 * count),
                toys::Point(5 * count),
                toys::Point(count),
                std::vector<std::int8_t>(count),
                std::vector<std::int64_t>(count),
                std::vector<std::int64_t>(count),
                Refits(5, count * 20)};
    how.threads = threads;
    fit_batch(groups, how,
              {found.theta.data(), found.errors.data(), found.objective.data(), found.status.data(),
               found.agreed.data(), found.asked.data(), found.refits.out()},
              cancel);
    return found;
  };
  const Found found = fit(1), again = fit(2);
  CHECK(found.theta == again.theta && found.errors == again.errors);
  CHECK(found.refits.theta == again.refits.theta);
  for (std::size_t g = 0; g < count; ++g) {
    Data part;
    toys::Point target;
    part.columns.resize(data.columns.size());
    for (std::size_t i = g; i < data.rows; i += count) {
      ++part.rows;
      target.push_back(y[i]);
      for (std::size_t c = 0; c < data.columns.size(); ++c)
        part.columns[c].push_back(data.columns[c][i]);
    }
    const Problem alone(law.program, part, target, {}, options, law.theta, how.free, how.may_centre,
                        cancel);
    MultistartOptions start;
    start.given = how.given;
    const MultistartSummary want = multistart(alone, how.solver, start, cancel);
    CHECK(found.objective[g] == want.best.objective);
    for (std::size_t k = 0; k < 5; ++k)
      CHECK(found.theta[k * count + g] == want.theta[k]);
    Refits refits(5, 20);
    resample(alone, how.solver, want.theta, {20, group_seed(9, g), 1, {}}, refits.out(), cancel);
    for (std::size_t k = 0; k < 20; ++k)
      CHECK(found.refits.objective[g * 20 + k] == refits.objective[k]);
  }
}

} // namespace

int main() {
  test_draws();
  test_draws_within_parts();
  test_taken_rows_are_weights();
  test_refits_are_minima();
  test_few_rows_leave_nothing_below_zero();
  test_threads_and_number_change_nothing();
  test_what_rows_do_not_determine_is_told();
  test_groups_are_fits_of_their_own();
  return check::finish();
}
