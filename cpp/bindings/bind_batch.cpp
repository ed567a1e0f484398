#include "bindings.hpp"

#include <algorithm>
#include <utility>

#include "lawfit/batch.hpp"
#include "solution.hpp"

using namespace lawfit;

namespace {

using StatusArray = py::array_t<std::int8_t, py::array::c_style>;
using Index = std::vector<std::size_t>;

Index to_index(const IntArray &array) { return Index(array.data(), array.data() + array.size()); }

void check_groups(const Groups &groups) {
  const auto &[program, data, y, weights, rows, first] = groups;
  if (y.size() != data.rows || (!weights.empty() && weights.size() != data.rows))
    throw py::value_error("columns, y and weights differ in length");
  if (first.size() < 2 || first.front() != 0 || first.back() != rows.size())
    throw py::value_error("groups must cover the rows");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (first[g] >= first[g + 1] || first[g + 1] > rows.size())
      throw py::value_error("a group has no rows");
    for (std::size_t i = first[g]; i < first[g + 1]; ++i)
      if (rows[i] >= data.rows || (i > first[g] && rows[i] <= rows[i - 1]))
        throw py::value_error("the rows of a group must ascend");
  }
}

void check_options(const BatchOptions &options, std::size_t groups) {
  const auto p =
      static_cast<std::size_t>(std::count(options.free.begin(), options.free.end(), true));
  const auto fits = [p](const auto &values) { return values.size() == p; };
  if (options.free.size() != options.theta.size() || !fits(options.may_centre) ||
      !fits(options.problem.logarithmic) || !fits(options.solver.lower) ||
      !fits(options.solver.upper))
    throw py::value_error("theta, free, bounds and what else is by parameter do not fit together");
  if (options.ranges.size() != 1 && options.ranges.size() != groups)
    throw py::value_error("ranges must be one for all groups, or one a group");
  if (!std::all_of(options.ranges.begin(), options.ranges.end(), fits) ||
      !std::all_of(options.given.begin(), options.given.end(), fits))
    throw py::value_error("ranges and starts must hold the free parameters");
  if (options.replicates < 0 || options.coarse_rows == 0)
    throw py::value_error("replicates and coarse rows must be counts");
}

// Arrays by name, shapes as in BatchResults.
py::dict fit_many(const Program &program, const Data &data, const DoubleArray &y,
                  const DoubleArray &weights, const IntArray &rows, const IntArray &first,
                  const std::string &loss, double delta, const std::string &space,
                  const std::vector<double> &theta, const std::vector<bool> &free,
                  const std::vector<bool> &may_centre, const std::vector<bool> &logarithmic,
                  const std::vector<double> &lower, const std::vector<double> &upper,
                  int max_iterations, double tolerance, std::int64_t starts,
                  std::int64_t per_parameter, std::uint64_t seed,
                  const std::vector<std::vector<RangeTuple>> &ranges,
                  const std::vector<std::vector<double>> &given,
                  const std::tuple<std::int64_t, std::size_t, std::size_t> &coarse,
                  std::int64_t replicates, int threads, double timeout) {
  check_fits(program, data, theta.size());
  const std::vector<double> target = to_vector<double>(y), weight = to_vector<double>(weights);
  const Groups groups{program, data, target, weight, to_index(rows), to_index(first)};
  check_groups(groups);
  BatchOptions options;
  options.problem = options_from(loss, delta, space);
  options.problem.logarithmic = logarithmic;
  options.theta = theta;
  options.free = free;
  options.may_centre = may_centre;
  options.solver = {lower, upper, max_iterations, tolerance};
  options.starts = starts;
  options.per_parameter = per_parameter;
  options.seed = options.resample_seed = seed;
  options.given = given;
  for (const auto &group : ranges)
    options.ranges.push_back(ranges_from(group));
  std::tie(options.coarse_starts, options.coarse_rows, options.coarse_stride) = coarse;
  options.replicates = replicates;
  options.threads = threads;
  check_options(options, groups.size());

  const auto p = static_cast<py::ssize_t>(lower.size());
  const auto g = static_cast<py::ssize_t>(groups.size()), r = static_cast<py::ssize_t>(replicates);
  DoubleArray estimates({p, g}), errors({p, g}), objective(g);
  DoubleArray resampled({p, g, r}), resampled_objective({g, r});
  StatusArray status(g), resampled_status({g, r});
  IntArray agreed(g), asked(g);
  const BatchResults out{estimates.mutable_data(),
                         errors.mutable_data(),
                         objective.mutable_data(),
                         status.mutable_data(),
                         agreed.mutable_data(),
                         asked.mutable_data(),
                         {resampled.mutable_data(), groups.size() * static_cast<std::size_t>(r),
                          resampled_objective.mutable_data(), resampled_status.mutable_data()}};
  without_gil([&](Cancel &cancel) { fit_batch(groups, options, out, cancel); }, timeout);
  py::dict found;
  found["theta"] = std::move(estimates);
  found["errors"] = std::move(errors);
  found["objective"] = std::move(objective);
  found["status"] = std::move(status);
  found["agreed"] = std::move(agreed);
  found["asked"] = std::move(asked);
  found["resampled"] = std::move(resampled);
  found["resampled_objective"] = std::move(resampled_objective);
  found["resampled_status"] = std::move(resampled_status);
  return found;
}

} // namespace

void bind_batch(py::module_ &module) {
  module.def("group_seed", &group_seed, py::arg("seed"), py::arg("group"));
  module.def("fit_many", &fit_many, py::kw_only(), py::arg("program"), py::arg("data"),
             py::arg("y"), py::arg("weights"), py::arg("rows"), py::arg("first"), py::arg("loss"),
             py::arg("delta"), py::arg("space"), py::arg("theta"), py::arg("free"),
             py::arg("may_centre"), py::arg("logarithmic"), py::arg("lower"), py::arg("upper"),
             py::arg("max_iterations"), py::arg("tolerance"), py::arg("starts"),
             py::arg("per_parameter"), py::arg("seed"), py::arg("ranges"), py::arg("given"),
             py::arg("coarse"), py::arg("replicates"), py::arg("threads"), py::arg("timeout"));
}
