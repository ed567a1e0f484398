#include "bindings.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lawfit/bound_area.hpp"
#include "lawfit/large_pages.hpp"
#include "lawfit/loss_drop.hpp"
#include "lawfit/moment_area.hpp"
#include "lawfit/schedule.hpp"

namespace {

using lawfit::Piece;
using lawfit::Schedule;
using lawfit::Shape;
using lawfit::Warmup;

// shape, steps, start, end, offset, span, power
using PieceTuple =
    std::tuple<std::string, std::int64_t, double, double, std::int64_t, std::int64_t, double>;

Shape shape_named(const std::string &name) {
  static const std::pair<const char *, Shape> names[] = {
      {"constant", Shape::constant},        {"linear", Shape::linear},
      {"exponential", Shape::exponential},  {"cosine", Shape::cosine},
      {"1-sqrt", Shape::one_minus_sqrt},    {"polynomial", Shape::polynomial},
      {"inverse_sqrt", Shape::inverse_sqrt}};
  for (const auto &[known, shape] : names)
    if (name == known)
      return shape;
  throw std::invalid_argument("unknown shape '" + name + "'");
}

std::shared_ptr<Schedule> dense(const DoubleArray &lr, std::int64_t warmup) {
  if (lr.ndim() != 1)
    throw std::invalid_argument("lr must have one dimension");
  const lawfit::UsualArithmetic usual;
  std::vector<double> rates = lawfit::room_for(static_cast<std::size_t>(lr.size()));
  rates.assign(lr.data(), lr.data() + lr.size());
  return std::make_shared<Schedule>(Schedule::dense(std::move(rates), warmup));
}

std::shared_ptr<Schedule> from_pieces(const std::vector<PieceTuple> &tuples, std::int64_t warmup) {
  const lawfit::UsualArithmetic usual;
  std::vector<Piece> pieces;
  pieces.reserve(tuples.size());
  for (const auto &[shape, steps, start, end, offset, span, power] : tuples)
    pieces.push_back({shape_named(shape), steps, start, end, offset, span, power});
  return std::make_shared<Schedule>(Schedule::from_pieces(std::move(pieces), warmup));
}

DoubleArray rates(const Schedule &schedule, std::int64_t first, std::size_t n) {
  DoubleArray out(static_cast<py::ssize_t>(n));
  const lawfit::UsualArithmetic usual;
  schedule.lr(first, n, out.mutable_data());
  return out;
}

// (s1, s2), then ds2 and d2s2 up to `order`.
py::tuple areas(const Schedule &schedule, double lam, const std::string &warmup,
                const std::optional<IntArray> &at, std::size_t order) {
  if (order > 2)
    throw std::invalid_argument("order must be 0, 1 or 2");
  if (at && at->ndim() != 1)
    throw std::invalid_argument("at must have one dimension");
  const Warmup mode = warmup_named(warmup);
  const auto n = static_cast<std::size_t>(at ? at->size() : schedule.steps());
  const std::int64_t *steps = at ? at->data() : nullptr;

  py::tuple result(order + 2);
  double *out[4] = {};
  for (std::size_t i = 0; i < order + 2; ++i) {
    DoubleArray values(static_cast<py::ssize_t>(n));
    out[i] = values.mutable_data();
    result[i] = std::move(values);
  }
  without_gil([&](lawfit::Cancel &cancel) {
    schedule.areas(lam, mode, steps, n, out[0], out[1], out[2], out[3], cancel);
  });
  return result;
}

const std::int64_t *rows_of(const IntArray &at) {
  if (at.ndim() != 1)
    throw std::invalid_argument("at must have one dimension");
  return at.data();
}

// The values of the area that make(rows, n, cancel) builds.
template <std::size_t k, class Make>
DoubleArray area_values(const IntArray &at, const double (&arguments)[k], Make &&make) {
  const std::int64_t *rows = rows_of(at);
  const auto n = static_cast<std::size_t>(at.size());
  DoubleArray values(at.size());
  const lawfit::RowValues out{values.mutable_data(), nullptr, nullptr, n};
  without_gil(
      [&](lawfit::Cancel &cancel) { make(rows, n, cancel).evaluate(arguments, 0, out, cancel); });
  return values;
}

DoubleArray loss_drop(const Schedule &schedule, double c, double beta, double gamma,
                      const std::string &warmup, const IntArray &at, bool exact) {
  const Warmup mode = warmup_named(warmup);
  return area_values(at, {c, beta, gamma}, [&](auto rows, auto n, lawfit::Cancel &cancel) {
    return lawfit::LossDrop(schedule, mode, rows, n,
                            exact ? lawfit::Detail::exact : lawfit::Detail::fine, cancel);
  });
}

DoubleArray moment_area(const Schedule &schedule, double beta1, double beta2,
                        const std::string &warmup, const IntArray &at) {
  const Warmup mode = warmup_named(warmup);
  return area_values(at, {beta1, beta2}, [&](auto rows, auto n, lawfit::Cancel &) {
    return lawfit::MomentArea(schedule, mode, rows, n);
  });
}

// (mean, last)
py::tuple bound_areas(const Schedule &schedule, const IntArray &at,
                      const std::optional<DoubleArray> &squared_norms) {
  const std::int64_t *rows = rows_of(at);
  if (squared_norms && squared_norms->size() != schedule.steps())
    throw std::invalid_argument("squared_norms must have one value a step");
  const double *norms = squared_norms ? squared_norms->data() : nullptr;
  DoubleArray mean(at.size()), last(at.size());
  double *to_mean = mean.mutable_data(), *to_last = last.mutable_data();
  without_gil([&](lawfit::Cancel &cancel) {
    lawfit::bound_areas(schedule, rows, static_cast<std::size_t>(at.size()), norms, to_mean,
                        to_last, cancel);
  });
  return py::make_tuple(std::move(mean), std::move(last));
}

} // namespace

lawfit::Warmup warmup_named(const std::string &name) {
  if (name == "actual")
    return Warmup::actual;
  if (name == "peak")
    return Warmup::peak;
  if (name == "skip")
    return Warmup::skip;
  throw std::invalid_argument("unknown warmup '" + name + "'");
}

void bind_schedule(py::module_ &module) {
  py::class_<Schedule, std::shared_ptr<Schedule>>(module, "Schedule")
      .def_static("dense", &dense, py::arg("lr"), py::arg("warmup"))
      .def_static("from_pieces", &from_pieces, py::arg("pieces"), py::arg("warmup"))
      .def_property_readonly("steps", &Schedule::steps)
      .def_property_readonly("warmup", &Schedule::warmup)
      .def("lr", &rates, py::arg("first"), py::arg("n"))
      .def("areas", &areas, py::arg("lam"), py::arg("warmup"), py::arg("at"), py::arg("order"))
      .def("loss_drop", &loss_drop, py::arg("C"), py::arg("beta"), py::arg("gamma"),
           py::arg("warmup"), py::arg("at"), py::arg("exact"))
      .def("moment_area", &moment_area, py::arg("beta1"), py::arg("beta2"), py::arg("warmup"),
           py::arg("at"))
      .def("bound_areas", &bound_areas, py::arg("at"), py::arg("squared_norms"));
}
