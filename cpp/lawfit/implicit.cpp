#include "lawfit/implicit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();
// Newton's method takes some six; bisection of what it cannot do, some sixty.
constexpr int most_trials = 200;
// Where f − g is a larger share of f than this it does not vanish but jumps.
constexpr double largest_gap = 1e-6;
// Roots are looked for between this and its inverse.
constexpr double least = 1e-300;

// The search for one row's root.
class Search {
public:
  double trial() const { return f_; }
  bool done() const { return done_; }

  // Told of g and its slope at the trial: the next one, or the end.
  void take(double g, double slope) {
    const double h = f_ - g;
    if (!std::isfinite(h)) {
      retreat();
      return;
    }
    base_ = f_;
    (h < 0 ? low_ : high_) = f_;
    const double newton = f_ - h / (1 - slope), step = std::abs(newton - f_);
    // Where the slope is 1 nothing vanishes: f and f + 1 are the same number from 1e16 on.
    const bool vanishes = std::abs(h) <= largest_gap * f_ && slope != 1;
    const bool rounding = step <= 2 * eps * f_ || (step < 1e-9 * f_ && step >= 0.5 * last_);
    if (rounding && vanishes) {
      finish(newton);
    } else if (high_ - low_ <= 2 * eps * low_) {
      vanishes ? finish(f_) : give_up();
    } else if (!rounding && inside(newton) && step < last_) {
      last_ = step;
      f_ = newton;
    } else {
      last_ = infinity;
      f_ = low_ == 0 ? high_ / widen() : high_ == infinity ? low_ * widen() : middle();
    }
    if (!(f_ > least && f_ < 1 / least))
      give_up();
  }

private:
  // Newton's step is believed within the bracket, or where there is none yet, within its reach.
  bool inside(double f) const {
    const double low = low_ > 0 ? low_ : high_ / reach_;
    const double high = high_ < infinity ? high_ : low_ * reach_;
    return f >= low && f <= high;
  }

  double widen() {
    const double factor = reach_;
    reach_ = std::fmin(reach_ * reach_, 1e100);
    return factor;
  }

  double middle() const {
    return high_ > 4 * low_ ? std::sqrt(low_) * std::sqrt(high_) : low_ + 0.5 * (high_ - low_);
  }

  // No value here: half the way back to where there was one, or to try elsewhere.
  void retreat() {
    last_ = infinity;
    if (base_ > 0) {
      reach_ = 2;
      f_ = std::sqrt(f_) * std::sqrt(base_);
    } else {
      f_ = f_ > 1 ? 1 / f_ : 4 / f_;
    }
  }

  void finish(double f) {
    done_ = true;
    f_ = f;
  }
  void give_up() { finish(std::numeric_limits<double>::quiet_NaN()); }

  double f_ = 1;
  double low_ = 0, high_ = infinity; // f − g is below 0 at the one, above at the other
  double base_ = 0;                  // where g had a value last
  double last_ = infinity;           // size of Newton's last step
  double reach_ = 4;
  bool done_ = false;
};

class Implicit final : public Evaluator {
public:
  explicit Implicit(std::unique_ptr<UnknownTape> tape)
      : Evaluator(tape->scalars()), tape_(std::move(tape)) {
    for (int k : tape_->inputs(Coordinates::natural))
      input(k);
    count_ = inputs(Coordinates::natural).size();
  }
  Implicit(const Implicit &other)
      : Evaluator(other), tape_(other.tape_->clone_tape()), count_(other.count_) {}

  std::unique_ptr<Evaluator> clone() const override { return std::make_unique<Implicit>(*this); }
  void take_rows(const Evaluator &whole, const std::size_t *rows, std::size_t n) override {
    tape_->take_rows(*dynamic_cast<const Implicit &>(whole).tape_, rows, n);
  }

  bool cheap_hessian() const override { return false; }
  const char *name() const override { return "implicit"; }
  std::size_t scratch() const override { return own() + tape_->scratch(); }

  void begin(const double *inputs, double *scratch) const override {
    tape_->begin(inputs, scratch + own());
  }

  void evaluate(std::size_t first, std::size_t n, const RowValues *functions, double *f,
                double *jac, double *scratch) const override {
    solve(first, n, functions, f, scratch);
    if (!jac)
      return;
    const View v(*this, scratch);
    double *unknown = tape_->unknown(v.tape);
    std::copy_n(f, n, unknown);
    tape_->evaluate(first, n, functions, v.g, v.jac, v.tape);
    // ∂f/∂a = g_a/(1 − g_f)
    const double *slope = v.jac + count_ * B;
    for (std::size_t i = 0; i < n; ++i)
      v.factor[i] = 1 / (1 - slope[i]);
    for (std::size_t k = 0; k < count_; ++k)
      for (std::size_t i = 0; i < n; ++i)
        jac[k * B + i] = v.jac[k * B + i] *= v.factor[i];
  }

  // f_kl = [g_kl + g_kf·f_l + g_lf·f_k + g_ff·f_k·f_l]/(1 − g_f)
  void add_hessian(std::size_t first, std::size_t n, const RowValues *functions, const double *c,
                   double *hess, double *scratch) const override {
    const View v(*this, scratch);
    for (std::size_t i = 0; i < n; ++i)
      v.g[i] = c[i] * v.factor[i];
    tape_->add_hessian(first, n, functions, v.g, hess, v.tape);
    const double *along = tape_->along_unknown(first, n, functions, v.tape),
                 *twice = along + count_ * B;
    for (std::size_t k = 0; k < count_; ++k)
      for (std::size_t l = 0; l <= k; ++l) {
        const double *fk = v.jac + k * B, *fl = v.jac + l * B;
        const double *gk = along + k * B, *gl = along + l * B;
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i)
          sum += v.g[i] * (gk[i] * fl[i] + gl[i] * fk[i] + twice[i] * fk[i] * fl[i]);
        hess[k * count_ + l] += sum;
      }
  }

private:
  // The scratch space, divided; every array holds B rows.
  struct View {
    View(const Implicit &law, double *at)
        : g(at), slope(at + B), factor(at + 2 * B), jac(at + 3 * B), tape(at + law.own()) {}
    double *g, *slope, *factor; // factor: 1/(1 − g_f)
    double *jac;                // of g, the unknown's last; once scaled of f
    double *tape;
  };
  std::size_t own() const { return (4 + count_) * B; }

  void solve(std::size_t first, std::size_t n, const RowValues *functions, double *f,
             double *scratch) const {
    const View v(*this, scratch);
    double *unknown = tape_->unknown(v.tape);
    Search rows[B];
    std::fill_n(unknown, n, rows[0].trial());
    tape_->evaluate(first, n, functions, v.g, nullptr, v.tape);
    for (int trial = 0; trial < most_trials; ++trial) {
      tape_->follow(first, n, functions, v.g, v.slope, v.tape);
      bool all = true;
      for (std::size_t i = 0; i < n; ++i) {
        if (!rows[i].done())
          rows[i].take(v.g[i], v.slope[i]);
        unknown[i] = rows[i].trial();
        all = all && rows[i].done();
      }
      if (all)
        break;
    }
    for (std::size_t i = 0; i < n; ++i)
      f[i] = rows[i].done() ? rows[i].trial() : std::numeric_limits<double>::quiet_NaN();
  }

  std::unique_ptr<UnknownTape> tape_;
  std::size_t count_ = 0; // of inputs
};

} // namespace

std::unique_ptr<Evaluator> make_implicit(Divided law) {
  return std::make_unique<Implicit>(make_unknown_tape(std::move(law)));
}

std::vector<double> solve_rows(Divided law, std::size_t rows, Cancel &cancel) {
  const Implicit evaluator(make_unknown_tape(std::move(law)));
  std::vector<double> f(rows), scratch(evaluator.scratch());
  evaluator.begin(nullptr, scratch.data());
  for (std::size_t first = 0; first < rows; first += B) {
    cancel.check();
    evaluator.evaluate(first, std::min(B, rows - first), nullptr, f.data() + first, nullptr,
                       scratch.data());
  }
  return f;
}

} // namespace lawfit
