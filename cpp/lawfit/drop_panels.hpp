// The steps at which a schedule's LR changes, gathered into panels over which a smooth kernel is
// interpolated: what makes sums over all steps before a row near-linear in the number of steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lawfit/double_double.hpp"
#include "lawfit/parallel.hpp"
#include "lawfit/row_function.hpp"

namespace lawfit {

// A step k whose LR differs from that of the step before.
struct DropStep {
  double rate;         // η_k
  double decrease;     // η_{k−1} − η_k
  DoubleDouble before; // Σ_{τ<k} η_τ
};

// A row t sums over the first `changes` of these steps; `area` is Σ_{τ≤t} η_τ.
struct DropRow {
  DoubleDouble area;
  std::size_t changes;
  double to_zero; // Σ of the decreases to an LR of 0 that a step above 0 follows by t
};

// Where kernels are evaluated: at steps on their own, and at the few steps that stand for a panel.
struct DropNodes {
  std::vector<double> log_rate; // 0 where the LR is 0
  std::vector<double> weight;   // replaces the decrease
  std::vector<double> before_high, before_low;
  std::vector<std::size_t> at_zero; // nodes whose LR is 0

  std::size_t size() const { return weight.size(); }
};

// The steps are halved again and again, first at the cuts between segments, down to leaves of at
// most panel_nodes steps. Such a panel of steps has nodes of its own that stand in for it, where a
// function f of η_k and S_k = area − before_k is interpolated: Σ_k decrease_k·f(k) = Σ_j W_j·f(k_j)
// with weights of the schedule alone. Its nodes are
//   - smooth: near-Chebyshev ones among its steps, with W_j = Σ_k decrease_k·ℓ_j(k), where these
//     reproduce log η, and Σ η relative to S, at its halves' nodes and so, as the halves' do, at
//     all of its steps, to `smoothness`. What rows use are the fewer nodes between them of Gauss's
//     rule for these weights, which is as good to about twice their number of degrees;
//   - rough: Chebyshev's in Σ η, times two or three values of log η around a polynomial of degree
//     rough_nodes − 1 that all of its steps lie near, closer than `roughness`: LR of single
//     precision, or a curve drawn through points.
// Either is used where log η varies by no more than `variation` and the area between the panel and
// the row is at least `distance` of the panel's own, so that a singularity of f at S = 0 lies as
// far away. Its halves stand in otherwise, and in the end its steps: a kink, a jump or noise costs
// time, not accuracy. Coarse panels have fewer nodes and come closer.
class DropPanels {
public:
  static constexpr std::size_t panel_nodes = 16;
  static constexpr std::size_t fine_nodes = 10, coarse_nodes = 3;
  static constexpr double smoothness = 1e-12;
  static constexpr std::size_t rough_nodes = 8;
  static constexpr double roughness = 1e-4;
  static constexpr double variation = 1.4; // a factor of 4
  static constexpr double distance = 0.5, coarse_distance = 0.25, rough_distance = 0.8;

  DropPanels() = default;
  // segments: the first step of each, ascending; best where the schedule has its kinks.
  // Detail::exact: every step is a node. Keeps the nodes that these rows need.
  DropPanels(const std::vector<DropStep> &steps, const std::vector<std::size_t> &segments,
             const std::vector<DropRow> &rows, Detail detail, Cancel &cancel);

  const DropNodes &nodes() const { return nodes_; }

  // Hands visit(first, n) runs of at most 3·panel_nodes nodes that together stand for a row's
  // steps.
  template <class Visit> void cover(const DropRow &row, Visit &&visit) const {
    walk(row, [&](std::size_t index, std::size_t n) {
      const Panel &panel = panels_[index];
      if (n == 0)
        visit(panel.first_node, panel.nodes);
      else
        visit(panel.first_step, n);
    });
  }

private:
  static constexpr std::size_t none = SIZE_MAX;

  // A panel, its first half and what that is made of, its second half and so on.
  struct Panel {
    std::size_t begin, end; // steps
    std::size_t after;      // the panel after the last that is part of this one
    double last;            // `before` of its last step
    double reach;           // the area behind it from which on it is used; infinite if never
    std::size_t nodes;      // how many stand in for it, if any can
    std::size_t first_node = none, first_step = none; // where they are, once needed
  };
  class Builder;

  // visit(panel, n): the panel stands in for its steps if n is 0, else its first n steps do.
  template <class Visit> void walk(const DropRow &row, Visit &&visit) const {
    for (std::size_t index = 0; index < panels_.size();) {
      const Panel &panel = panels_[index];
      if (panel.begin >= row.changes)
        return;
      if (row.area.hi - panel.last >= panel.reach) {
        visit(index, std::size_t{0});
        index = panel.after;
      } else {
        if (panel.after == index + 1)
          visit(index, (panel.end < row.changes ? panel.end : row.changes) - panel.begin);
        ++index;
      }
    }
  }

  std::vector<Panel> panels_;
  DropNodes nodes_;
};

} // namespace lawfit
