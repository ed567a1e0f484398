#include "lawfit/refit.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace lawfit {
namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
// Standard errors take fourth powers of losses, and rounding of one hides what the others say; as
// LARGEST and ROOM in Python.
constexpr double largest_size = 1e60, room = 1e12;
// Shares of the objective: predicted decrease at which a refit is done.
constexpr double exact_decrease = 5e-14, anchored_decrease = 1e-7;
constexpr int most_steps = 12, most_halvings = 10;
// Weight of an update in the mean of recent ones.
constexpr double recent = 1.0 / 64;
// A curvature is nothing where this share of it is left by the other parameters.
constexpr double flat = 1e-14;
constexpr std::int64_t tabulated_steps = std::int64_t{1} << 20;

// The free entries of the step H·step = -g, the others being given. A parameter that the others
// leave no curvature stays where it is; a pivot below 0 is taken by its size, so that the step
// still leads down.
void newton_step(const Evaluation &at, int p, const bool *free, double *step) {
  double factor[max_power_parameters * max_power_parameters] = {};
  double rest[max_power_parameters] = {};
  int index[max_power_parameters], count = 0;
  for (int i = 0; i < p; ++i) {
    if (!free[i])
      continue;
    double *row = factor + count * p;
    for (int b = 0; b < count; ++b) {
      double sum = at.hessian[i * p + index[b]];
      for (int k = 0; k < b; ++k)
        sum -= row[k] * factor[b * p + k];
      row[b] = sum / factor[b * p + b];
    }
    const double whole = at.hessian[i * p + i];
    double pivot = whole;
    for (int k = 0; k < count; ++k)
      pivot -= row[k] * row[k];
    step[i] = 0;
    if (!(std::abs(pivot) > flat * std::abs(whole)))
      continue;
    row[count] = std::sqrt(std::abs(pivot));
    rest[count] = -at.gradient[i];
    for (int j = 0; j < p; ++j)
      if (!free[j])
        rest[count] -= at.hessian[i * p + j] * step[j];
    index[count++] = i;
  }
  linalg::cholesky_solve(factor, count, p, rest);
  for (int a = 0; a < count; ++a)
    step[index[a]] = rest[a];
}

} // namespace

// What the general solver minimises where Newton's steps fail.
class StreamingRefitter::AllRows final : public Objective {
public:
  explicit AllRows(StreamingRefitter &of) : of_(of) {}
  int parameters() const override { return of_.law_.parameters; }
  bool evaluate(const double *theta, int, Evaluation &out) override {
    clear(out, parameters());
    return of_.pass_.add(of_.rows_, 0, of_.rows_.size(), theta, out, Matrices::both);
  }
  bool cheap_hessian() const override { return true; }
  double rounding() const override { return of_.rounding(); }

private:
  StreamingRefitter &of_;
};

StreamingRefitter::StreamingRefitter(PowerSum law, std::shared_ptr<const Schedule> schedule,
                                     RefitOptions options)
    : options_(std::move(options)), law_(std::move(law)), centre_(law_),
      schedule_steps_(schedule->steps()),
      areas_(std::make_shared<const Schedule>(schedule->tabulated(tabulated_steps)), law_.lam,
             options_.warmup),
      next_start_(static_cast<std::size_t>(law_.parameters)),
      theta_(next_start_, std::numeric_limits<double>::quiet_NaN()), trial_(theta_),
      natural_(theta_), now_(std::make_unique<Evaluation>()), next_(std::make_unique<Evaluation>()),
      pass_(law_, options_.residual), all_(std::make_unique<AllRows>(*this)),
      solver_(options_.solver) {
  now_->objective = std::numeric_limits<double>::quiet_NaN();
  if (!Expansion::fits(law_))
    throw std::invalid_argument("the law has too many free exponents to be expanded");
  const NearRows policy =
      options_.mode == RefitMode::exact ? NearRows::kept_apart : NearRows::as_anchored;
  anchor_ = std::make_unique<Expansion>(law_, options_.residual, policy);
  building_ = std::make_unique<Expansion>(law_, options_.residual, policy);
}
StreamingRefitter::~StreamingRefitter() = default;

double StreamingRefitter::rounding() const { return 0.5 * squares_ * (4 * eps) * (4 * eps); }

void StreamingRefitter::check_point(std::int64_t step, double y) const {
  const auto at = [step] { return "step " + std::to_string(step); };
  if (step <= last_step_)
    throw std::invalid_argument(at() + " does not come after step " + std::to_string(last_step_));
  if (step >= schedule_steps_)
    throw std::invalid_argument(at() + " is beyond the schedule, which ends at step " +
                                std::to_string(schedule_steps_ - 1));
  const auto refuse = [&](const std::string &why) {
    std::ostringstream value; // to_string would round a small loss to 0
    value.imbue(std::locale::classic());
    value << std::setprecision(17) << y;
    throw std::invalid_argument("loss at " + at() + " is " + value.str() + why);
  };
  const auto [logarithmic, delta] = options_.residual;
  const double size = std::abs(y);
  if (!std::isfinite(y))
    return;
  if (logarithmic && !(y > 0))
    refuse("; log residuals need it above 0");
  if (size > largest_size || (size > 0 && size < 1 / largest_size))
    refuse("; expected a size from 1e-60 to 1e+60");
  if (!logarithmic && size > room * delta)
    refuse(", more than 1e+12 times delta; expected delta in its unit");
}

void StreamingRefitter::update(std::int64_t step, double y) {
  check_point(step, y);
  if (step < options_.first_step || !std::isfinite(y)) {
    skipped_ += !std::isfinite(y);
    last_step_ = step;
    return;
  }
  const StepAreas areas = areas_.read(step);
  last_step_ = step;
  if (!(areas.s1 > 0))
    throw std::invalid_argument("S1 is 0 at step " + std::to_string(step) +
                                ": the law is undefined before the first learning rate above 0");
  const bool logarithmic = options_.residual.logarithmic;
  const double target = logarithmic ? std::log(y) : y;
  const double size = logarithmic ? std::fmax(1.0, std::abs(target)) : std::abs(y);
  squares_ += size * size;
  steps_.push_back(step);
  losses_.push_back(y);
  rows_.append(std::log(areas.s1) - centre_.middle(), areas.s2, target);
  if (started_)
    refit();
}

void StreamingRefitter::start(const double *theta) {
  if (rows_.size() == 0)
    throw std::invalid_argument("there are no points to start from");
  for (std::size_t k = 0; k < theta_.size(); ++k)
    theta_[k] = std::clamp(theta[k], options_.solver.lower[k], options_.solver.upper[k]);
  centre();
  centre_.to_centred(theta_.data());
  decline_start();
  solve_all();
  started_ = std::isfinite(now_->objective);
  if (started_ && has_anchor())
    anchor_now();
  tell();
  started_ = started_ && std::isfinite(natural_.front());
}

// Takes log S1 from the middle of the rows there are.
void StreamingRefitter::centre() {
  const double before = centre_.middle();
  law_ = centre_.at(before + 0.5 * (rows_.log_s1.front() + rows_.log_s1.back()),
                    options_.solver.lower, options_.solver.upper);
  for (double &x : rows_.log_s1)
    x -= centre_.middle() - before;
}

// In natural coordinates. An amplitude far from its rows may have no number there: no answer to
// give.
void StreamingRefitter::tell() {
  if (!started_)
    return;
  trial_ = theta_;
  centre_.to_natural(trial_.data());
  if (std::all_of(trial_.begin(), trial_.end(), [](double x) { return std::isfinite(x); }))
    natural_.swap(trial_);
  else
    lose();
}

// The law has no value, or its parameters have none, where the search is.
void StreamingRefitter::lose() {
  if (!is_lost())
    next_start_ = rows_.size();
  status_ = Status::bad_start;
  now_->objective = std::numeric_limits<double>::quiet_NaN();
  gap_ = 0;
}

std::size_t StreamingRefitter::evaluated_rows() const {
  if (!has_anchor())
    return rows_.size();
  return anchor_->near().size();
}

bool StreamingRefitter::evaluate(const double *theta, Evaluation &out) {
  clear(out, law_.parameters);
  if (!has_anchor())
    return pass_.add(rows_, 0, rows_.size(), theta, out);
  anchor_->evaluate(theta, out);
  if (anchor_->near().size() > 0)
    return pass_.add(anchor_->near(), 0, anchor_->near().size(), theta, out);
  return std::isfinite(out.objective);
}

void StreamingRefitter::refit() {
  const std::size_t row = rows_.size() - 1;
  bool known; // whether now_ is of theta_ and all rows
  if (has_anchor())
    anchor_->append(rows_, row);
  if (has_anchor() && options_.mode == RefitMode::anchored)
    known = evaluate(theta_.data(), *now_);
  else
    known = pass_.add(rows_, row, 1, theta_.data(), *now_);
  if (known && descend()) {
    status_ = Status::converged;
    check_anchor();
  } else {
    solve_all();
    if (has_anchor())
      anchor_now();
  }
  tell();
  build();
}

// Newton's steps from theta_, of which now_ knows; false where one fails.
bool StreamingRefitter::descend() {
  const bool anchored = has_anchor() && options_.mode == RefitMode::anchored;
  const double enough = anchored ? anchored_decrease : exact_decrease;
  double step[max_power_parameters], predicted = 0;
  for (int k = 0; k < most_steps; ++k) {
    if (!find_step(*now_, step, predicted))
      return false;
    if (k == 0)
      motion_ += recent * (2 * predicted - motion_);
    const bool last = predicted <= enough * now_->objective + rounding();
    if (last && (k > 0 || !anchored))
      return true;
    double length = 1;
    for (int halvings = 0;; ++halvings, length *= 0.5) {
      for (std::size_t i = 0; i < theta_.size(); ++i)
        trial_[i] = std::clamp(theta_[i] + length * step[i], options_.solver.lower[i],
                               options_.solver.upper[i]); // the sum may round beyond
      if (last) { // whose value the step's own model tells well enough
        theta_.swap(trial_);
        now_->objective -= predicted;
        return true;
      }
      if (evaluate(trial_.data(), *next_) &&
          next_->objective <= now_->objective * (1 + 64 * eps) + rounding())
        break;
      if (halvings == most_halvings)
        return false;
    }
    theta_.swap(trial_);
    now_.swap(next_);
  }
  return false;
}

// The step to the minimum of the quadratic model within the bounds: what would leave them is set
// on them, and the rest solved for again. False where that is no way down.
bool StreamingRefitter::find_step(const Evaluation &at, double *step, double &predicted) const {
  const int p = law_.parameters;
  const std::vector<double> &lower = options_.solver.lower, &upper = options_.solver.upper;
  bool free[max_power_parameters] = {};
  for (int i = 0; i < p; ++i) {
    const auto k = static_cast<std::size_t>(i);
    free[i] = !(theta_[k] <= lower[k] && at.gradient[i] >= 0) &&
              !(theta_[k] >= upper[k] && at.gradient[i] <= 0);
    step[i] = 0;
  }
  for (bool inside = false; !inside;) {
    newton_step(at, p, free, step);
    inside = true;
    for (int i = 0; i < p; ++i) {
      if (!free[i])
        continue;
      const auto k = static_cast<std::size_t>(i);
      const double asked = step[i];
      step[i] = std::clamp(asked, lower[k] - theta_[k], upper[k] - theta_[k]);
      if (step[i] != asked)
        free[i] = inside = false;
    }
  }
  predicted = 0;
  for (int i = 0; i < p; ++i) {
    double product = 0;
    for (int j = 0; j < p; ++j)
      product += at.hessian[i * p + j] * step[j];
    predicted -= step[i] * (at.gradient[i] + 0.5 * product);
  }
  return predicted >= -eps * std::abs(at.objective);
}

void StreamingRefitter::solve_all() {
  const Status found = solver_.solve(*all_, theta_.data()).status;
  if (found == Status::bad_start)
    return lose();
  status_ = found;
  all_->evaluate(theta_.data(), 2, *now_);
}

} // namespace lawfit
