// Laws across groups, and the same laws written densely, with columns that mark the groups.
#pragma once

#include "lawfit/grouped_covariance.hpp"
#include "lawfit/grouped_multistart.hpp"
#include "toys.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace toys {

using Parameters = std::vector<Expression>;
using GroupedBuild = std::function<void(Formula &, Parameters &)>;
using Kind = StartRange::Kind;

inline Program program_of(const GroupedBuild &build, std::size_t parameters) {
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
  GroupedBuild build;
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
      data_.push_back(given.on_curves ? curves(given.rows[g]) : columns(given.rows[g], g + 1));
      y_.push_back(toys::noisy(program_, data_[g], given.theta[g], noisy ? 0.01 : 0, g + 5));
      const std::vector<bool> free = all(given.shared.size());
      std::vector<bool> may_centre = free;
      for (std::size_t i = 0; i < free.size(); ++i)
        may_centre[i] = !given.shared[i];
      Cancel cancel;
      problems_.push_back(std::make_unique<Problem>(program_, data_[g], y_[g], Point(),
                                                    given.options, given.theta[g], free, may_centre,
                                                    cancel));
    }
    solver = unbounded(static_cast<int>(given.shared.size()));
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
inline Case power(Loss loss = Loss::huber) {
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
inline Case annealing(Loss loss = Loss::huber) {
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

} // namespace toys
