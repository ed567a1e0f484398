// One law fitted to many groups of runs: each group has parameters of its own, the others are
// shared by all. F(θ) = Σ_g F_g(own_g, shared), so its matrices have the shape of an arrow:
//   M = [ blockdiag(A_g)   B ]
//       [       Bᵀ         C ],  C = Σ_g C_g,
// and a system costs Σ_g own³ + shared³ by Schur complement, never (Σ own + shared)³.
#pragma once

#include <memory>
#include <vector>

#include "lawfit/descent.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// The groups and where their parameters stand: all own ones, group by group, then the shared ones.
class Grouped {
public:
  // problems: one a group, alike in their free parameters, of which `shared` marks those that all
  // have in common; they must outlive this. A shared parameter may not be centred, since every
  // group would centre it differently, nor be sought by its logarithm. Throws
  // std::invalid_argument.
  Grouped(std::vector<const Problem *> problems, const std::vector<bool> &shared);

  std::size_t groups() const { return problems_.size(); }
  const Problem &problem(std::size_t group) const { return *problems_[group]; }
  std::size_t own() const { return own_; }
  std::size_t shared() const { return order_.size() - own_; }
  // Of one group: its own and the shared ones.
  std::size_t group_parameters() const { return order_.size(); }
  std::size_t parameters() const { return groups() * own_ + shared(); }
  std::size_t rows() const;
  double rounding() const;
  // How many threads are worth their while for work of as many evaluations of all groups.
  int threads(int asked, double evaluations) const;
  // Free parameters of a problem by number, own ones first.
  const std::vector<int> &order() const { return order_; }

  // Between the vector of all parameters and one group's.
  void gather(const double *all, std::size_t group, double *theta) const;
  void scatter(const double *theta, std::size_t group, double *all) const;

private:
  std::vector<const Problem *> problems_;
  std::size_t own_ = 0;
  std::vector<int> order_;
};

// The objective of all groups in centred coordinates, its matrices kept group by group. Groups are
// evaluated in parallel and summed in order: the same bits for any number of threads.
class GroupedModel final : public Model {
public:
  GroupedModel(const Grouped &grouped, int threads, Cancel &cancel);

  int parameters() const override { return static_cast<int>(grouped_.parameters()); }
  bool cheap_hessian() const override { return grouped_.problem(0).evaluator().cheap_hessian(); }
  double rounding() const override { return rounding_; }
  bool evaluate(const double *theta, int order) override;
  bool widen(double deltas) override;
  void exchange() override { now_.swap(next_); }
  double objective() const override { return now_->objective; }
  double trial_objective() const override { return next_->objective; }
  const double *gradient() const override { return now_->gradient.data(); }
  void diagonal(double *out) const override;
  bool solve(Curvature matrix, double damping, const double *diagonal, const unsigned char *free,
             double *s) override;
  double decrease(Curvature matrix, const double *s) const override;

private:
  // Matrices have own parameters first: p×p a group, and the shared corner summed over groups.
  struct Point {
    double objective = 0;
    std::vector<double> gradient;
    std::vector<double> blocks[2], corner[2]; // by Curvature
  };
  // A group's part of a point, its own parameters first.
  struct Part {
    bool finite = false;
    double objective = 0;
    std::vector<double> gradient;
  };
  struct Reduced; // the system that is left for the shared parameters

  const double *block(const Point &point, Curvature which, std::size_t group) const {
    const std::size_t p = grouped_.group_parameters();
    return point.blocks[static_cast<int>(which)].data() + group * p * p;
  }
  void evaluate_group(const double *theta, int order, std::size_t group, Evaluation &out);
  void sum(int order);
  bool eliminate(Curvature matrix, std::size_t group, double damping, const double *diagonal,
                 const unsigned char *free, const double *s, Reduced &reduced);
  void substitute(std::size_t group, const unsigned char *free, const Reduced &reduced,
                  double *s) const;

  const Grouped &grouped_;
  int threads_;
  Cancel &cancel_;
  double rounding_;
  std::vector<Problem::Workspace> workspaces_;           // of groups
  std::vector<std::unique_ptr<Evaluation>> evaluations_; // of threads
  std::vector<Part> parts_;
  std::unique_ptr<Point> now_, next_;
  std::vector<double> solved_; // A⁻¹(rhs, B) of each group, column by column
};

} // namespace lawfit
