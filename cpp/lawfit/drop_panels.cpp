#include "lawfit/drop_panels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace lawfit {
namespace {

constexpr std::size_t panel_nodes = DropPanels::panel_nodes;
constexpr double never = std::numeric_limits<double>::infinity();
constexpr double pi = 3.14159265358979323846;

using AtNodes = std::array<double, panel_nodes>;

// What panels of one size have in common: their nodes, and ℓ_j at their points, where a panel asks
// what it must reproduce. These are its halves' nodes, or all steps of a leaf.
class Grid {
public:
  explicit Grid(std::size_t size) : node(chebyshev_steps(size)) {
    if (size <= DropPanels::leaf_steps)
      for (std::size_t i = 0; i < size; ++i)
        point.push_back(i);
    else {
      for (const std::size_t i : chebyshev_steps(size / 2))
        point.push_back(i);
      for (const std::size_t i : chebyshev_steps(size - size / 2))
        point.push_back(size / 2 + i);
    }
    // Barycentric (Berrut and Trefethen 2004); a panel is 4 long, so that nothing overflows.
    const auto distance = [size](std::size_t a, std::size_t b) {
      return 4.0 * (static_cast<double>(a) - static_cast<double>(b)) / static_cast<double>(size);
    };
    AtNodes scale;
    for (std::size_t j = 0; j < panel_nodes; ++j) {
      scale[j] = 1.0;
      for (std::size_t l = 0; l < panel_nodes; ++l)
        if (l != j)
          scale[j] /= distance(node[j], node[l]);
    }
    for (const std::size_t here : point) {
      AtNodes values{};
      const auto same = std::find(node.begin(), node.end(), here);
      double sum = 1.0;
      if (same != node.end())
        values[static_cast<std::size_t>(same - node.begin())] = 1.0;
      else {
        sum = 0.0;
        for (std::size_t j = 0; j < panel_nodes; ++j)
          sum += values[j] = scale[j] / distance(here, node[j]);
      }
      for (double &value : values)
        value /= sum;
      basis.push_back(values);
    }
  }

  std::array<std::size_t, panel_nodes> node;
  std::vector<std::size_t> point;
  std::vector<AtNodes> basis; // by point

private:
  // Chebyshev's points of `size` steps, rounded to steps of their own.
  static std::array<std::size_t, panel_nodes> chebyshev_steps(std::size_t size) {
    std::array<std::size_t, panel_nodes> offsets{};
    for (std::size_t j = 0; j < panel_nodes / 2; ++j) {
      const double angle = pi * static_cast<double>(2 * j + 1) / (2.0 * panel_nodes);
      const double x = 0.5 * static_cast<double>(size - 1) * (1.0 - std::cos(angle));
      const auto nearest = static_cast<std::size_t>(std::lround(x));
      offsets[j] = j == 0 ? nearest : std::max(offsets[j - 1] + 1, nearest);
      offsets[panel_nodes - 1 - j] = size - 1 - offsets[j];
    }
    return offsets;
  }
};

} // namespace

class DropPanels::Builder {
public:
  Builder(const std::vector<DropStep> &steps, std::vector<Panel> &panels, bool exact,
          Cancel &cancel)
      : steps_(steps.data()), panels_(panels), exact_(exact), cancel_(cancel) {}

  // Appends the panel of the steps begin … end − 1 and all of its parts.
  void add(std::size_t begin, std::size_t end) {
    cancel_.check();
    const std::size_t index = panels_.size(), size = end - begin;
    panels_.push_back({begin, end, 0, steps_[end - 1].before.hi, never});
    weights_.emplace_back();
    std::size_t first = none, second = none;
    if (!panels_[index].is_leaf()) {
      first = panels_.size();
      add(begin, begin + size / 2);
      second = panels_.size();
      add(begin + size / 2, end);
    }
    panels_[index].after = panels_.size();
    if (exact_ || size <= panel_nodes)
      return;
    const double reach = reach_of(panels_[index], first, second);
    const Grid &grid = grid_of(size);
    if (reach < never && reproduces(grid, begin, reach)) {
      panels_[index].reach = reach;
      weights_[index] = gather(grid, begin, first, second);
    }
  }

  const AtNodes &weights(std::size_t panel) const { return weights_[panel]; }

  const Grid &grid_of(std::size_t size) { return grids_.try_emplace(size, size).first->second; }

private:
  double gap(std::size_t step) const {
    return (steps_[step].before - steps_[step - 1].before).rounded();
  }

  double reach_of(const Panel &panel, std::size_t first, std::size_t second) const {
    double widest = 0.0;
    if (first == none)
      for (std::size_t i = panel.begin + 1; i < panel.end; ++i)
        widest = std::max(widest, gap(i));
    else {
      widest = gap(panels_[second].begin);
      for (const std::size_t half : {first, second}) {
        const auto length = static_cast<double>(panels_[half].end - panels_[half].begin);
        // A half that is all nodes reproduces itself, and has no reach of its own.
        if (length > panel_nodes)
          widest = std::max(widest, panels_[half].reach / (distance * length));
      }
    }
    return distance * static_cast<double>(panel.end - panel.begin) * widest;
  }

  // Whether log η and Σ η at the points follow from those at the nodes.
  bool reproduces(const Grid &grid, std::size_t begin, double reach) const {
    const DropStep *step = steps_ + begin;
    AtNodes log_rate, before;
    for (std::size_t j = 0; j < panel_nodes; ++j) {
      log_rate[j] = std::log(step[grid.node[j]].rate);
      before[j] = (step[grid.node[j]].before - step->before).rounded();
    }
    double least = never, most = 0.0;
    for (std::size_t i = 0; i < grid.point.size(); ++i) {
      const DropStep &here = step[grid.point[i]];
      double rate_error = -std::log(here.rate);
      double before_error = -(here.before - step->before).rounded();
      for (std::size_t j = 0; j < panel_nodes; ++j) {
        rate_error += grid.basis[i][j] * log_rate[j];
        before_error += grid.basis[i][j] * before[j];
      }
      if (!(std::abs(rate_error) <= smoothness && std::abs(before_error) <= smoothness * reach))
        return false;
      least = std::min(least, here.rate);
      most = std::max(most, here.rate);
    }
    return most <= variation * least;
  }

  // W_j, from the decreases of a leaf or the weights of the halves.
  AtNodes gather(const Grid &grid, std::size_t begin, std::size_t first, std::size_t second) const {
    AtNodes sum{};
    for (std::size_t i = 0; i < grid.point.size(); ++i) {
      double weight = steps_[begin + grid.point[i]].decrease;
      const std::size_t half = i < panel_nodes ? first : second;
      if (half != none && panels_[half].end - panels_[half].begin > panel_nodes)
        weight = weights_[half][i % panel_nodes];
      for (std::size_t j = 0; j < panel_nodes; ++j)
        sum[j] += weight * grid.basis[i][j];
    }
    return sum;
  }

  const DropStep *steps_;
  std::vector<Panel> &panels_;
  bool exact_;
  Cancel &cancel_;
  std::vector<AtNodes> weights_; // by panel
  std::map<std::size_t, Grid> grids_;
};

DropPanels::DropPanels(const std::vector<DropStep> &steps, const std::vector<std::size_t> &segments,
                       const std::vector<DropRow> &rows, bool exact, Cancel &cancel) {
  Builder builder(steps, panels_, exact, cancel);
  for (std::size_t i = 0; i < segments.size(); ++i)
    builder.add(segments[i], i + 1 < segments.size() ? segments[i + 1] : steps.size());
  const auto keep = [&](std::size_t index, std::size_t n) {
    Panel &panel = panels_[index];
    std::size_t &first = n == 0 ? panel.first_node : panel.first_step;
    if (first != none)
      return;
    first = nodes_.size();
    if (n > 0)
      for (std::size_t i = panel.begin; i < panel.end; ++i)
        add_node(steps[i], steps[i].decrease);
    else {
      const Grid &grid = builder.grid_of(panel.end - panel.begin);
      for (std::size_t j = 0; j < panel_nodes; ++j)
        add_node(steps[panel.begin + grid.node[j]], builder.weights(index)[j]);
    }
  };
  for (const DropRow &row : rows) {
    cancel.check();
    walk(row, keep);
  }
}

void DropPanels::add_node(const DropStep &step, double weight) {
  if (step.rate == 0.0)
    nodes_.at_zero.push_back(nodes_.size());
  nodes_.log_rate.push_back(step.rate == 0.0 ? 0.0 : std::log(step.rate));
  nodes_.before_high.push_back(step.before.hi);
  nodes_.before_low.push_back(step.before.lo);
  nodes_.weight.push_back(weight);
}

} // namespace lawfit
