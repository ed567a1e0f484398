// The search for a minimum, whatever the shape of the matrices: damping, bounds, acceptance,
// convergence, polish. How a damped system is solved is the model's business.
#pragma once

#include <vector>

#include "lawfit/status.hpp"

namespace lawfit {

struct SolverOptions {
  std::vector<double> lower, upper; // of each free parameter; may be infinite
  int max_iterations = 1000;
  // Stop when the predicted decrease, gᵀA⁻¹g/2, is below this share of the objective, then polish
  // to rounding. It is invariant to the scale of the objective and of every parameter.
  double tolerance = 1e-14;
  // Which parameters the law is linear in, all together; may be empty.
  std::vector<bool> linear = {};
};

struct SolverSummary {
  Status status = Status::bad_start;
  double objective = 0;
  bool stopped = false; // by the observer
  int iterations = 0;
  int evaluations = 0;
};

// Told of every accepted point; true ends the solve there.
class Observer {
public:
  virtual ~Observer() = default;
  virtual bool operator()(const double *theta, double objective) = 0;
};

enum class Curvature {
  gauss_newton, // the matrix of robust Gauss–Newton
  hessian       // ∇²F, exact
};

// An objective with its derivatives at two points, the current one and a trial. g and M are the
// current point's gradient and one of its matrices, D a diagonal.
class Model {
public:
  virtual ~Model() = default;
  virtual int parameters() const = 0;
  virtual bool cheap_hessian() const = 0;
  // An objective as small as this is zero but for rounding in the data.
  virtual double rounding() const = 0;

  // Makes theta the trial point, with derivatives up to the order asked for (0: none, 1: gradient
  // and Gauss–Newton, 2: the Hessian too). False where something is not finite.
  virtual bool evaluate(const double *theta, int order) = 0;
  // From here on the loss turns from square to linear at so many times its delta; false where it
  // has none.
  virtual bool widen(double) { return false; }
  // The trial point becomes the current one, and the current one the trial.
  virtual void exchange() = 0;

  virtual double objective() const = 0;
  virtual double trial_objective() const = 0;
  virtual const double *gradient() const = 0;
  // Of the Gauss–Newton matrix.
  virtual void diagonal(double *out) const = 0;
  // The entries of s marked in `free` by (M + damping·D) s = -g, the others being given; those do
  // not feel the damping. False where the matrix is not positive definite.
  virtual bool solve(Curvature matrix, double damping, const double *diagonal,
                     const unsigned char *free, double *s) = 0;
  // -gᵀs - sᵀMs/2, what the quadratic model promises.
  virtual double decrease(Curvature matrix, const double *s) const = 0;
};

// Levenberg–Marquardt in a trust region, its columns scaled as in MINPACK (Moré 1978). Far from the
// minimum its matrix is the robust Gauss–Newton one (iteratively reweighted least squares), near it
// the exact Hessian where that is positive definite. Where a search takes long, what the law is
// linear in is solved for anew after a step that it spoils (Ruhe & Wedin 1980). Allocates when
// built, never in solve().
class Descent {
public:
  explicit Descent(const SolverOptions &options);

  // theta: the start, inside the bounds; becomes the minimum.
  SolverSummary solve(Model &model, double *theta, Observer *observer = nullptr);
  // Whether the model is left with the exact Hessian of the minimum.
  bool has_hessian() const { return has_hessian_; }

private:
  struct Step {
    bool ok = false;
    double predicted = 0; // decrease of the quadratic model
    std::vector<double> shift;
  };
  struct Damping {
    double value = 1e-3, growth = 2;
    double stretch = 1; // of the step, where the objective bends less than the matrix has it
  };

  void find_step(Model &model, Curvature matrix, double damping, Step &step,
                 bool linear_alone = false);
  void find_best_step(Model &model, double damping, Step &step);
  void find_step_within(Model &model, Damping &damping);
  void scale_columns(const Model &model);
  double length(const std::vector<double> &step) const;
  bool judge(const Model &model, double decrease, bool finite, Damping &damping);
  void set_radius(double decrease, bool finite, double slope, double stretch);
  double slope_of(const Model &model) const;
  bool try_step(Model &model, const Step &step, double stretch, int order, SolverSummary &summary);
  bool is_minimum(Model &model, double decrease);
  bool moves(const Step &step) const;
  bool vanished(const Model &model) const;
  void exchange(Model &model);
  bool come_down(Model &model, double goal, double damping, bool linear_alone, int order,
                 SolverSummary &summary);
  bool add_hessian(Model &model, SolverSummary &summary);
  void polish(Model &model, SolverSummary &summary);
  bool begin(Model &model, SolverSummary &summary);
  Status search(Model &model, double tolerance, int most_iterations, Observer *observer,
                SolverSummary &summary);
  void smooth(Model &model, const double *from, bool squared, SolverSummary &summary);
  Status search_on(Model &model, const double *start, Observer *observer, SolverSummary &summary);

  SolverOptions options_;
  std::size_t p_;
  std::vector<double> at_, trial_, before_, left_, scale_, diagonal_;
  std::vector<unsigned char> free_;
  Step step_, other_;
  bool linear_ = false;      // the law is, in all parameters
  bool separable_ = false;   // it is in some
  bool has_hessian_ = false; // of the current point
  bool newton_ = false;      // step_ is by the Hessian
  bool robust_ = false;      // the loss has a delta
  double nothing_ = 0;       // an objective that is 0 but for rounding
  double damped_ = 0;        // of the last Gauss–Newton step
  double guess_ = 0;         // how much the next may have to be damped
  double radius_ = 0;        // of the region where Gauss–Newton's model is trusted
};

} // namespace lawfit
