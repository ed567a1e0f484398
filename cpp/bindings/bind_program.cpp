#include "bindings.hpp"

#include <stdexcept>

#include "callback.hpp"
#include "lawfit/program.hpp"

using namespace lawfit;

namespace {

Program
make_program(const py::array_t<std::int32_t, py::array::c_style | py::array::forcecast> &code,
             const std::vector<double> &constants, int parameters, int columns) {
  if (code.ndim() != 2 || code.shape(1) != 3)
    throw py::value_error("code must have shape (n, 3)");
  std::vector<Instruction> instructions;
  const auto rows = code.unchecked<2>();
  for (py::ssize_t k = 0; k < rows.shape(0); ++k)
    instructions.push_back({static_cast<Op>(rows(k, 0)), rows(k, 1), rows(k, 2)});
  return Program(std::move(instructions), constants, parameters, columns);
}

Detail detail_named(const std::string &name) {
  if (name == "coarse")
    return Detail::coarse;
  if (name == "fine")
    return Detail::fine;
  if (name == "exact")
    return Detail::exact;
  throw std::invalid_argument("unknown detail");
}

using TrackTuple = std::tuple<std::shared_ptr<Schedule>, std::size_t, std::size_t>;

Data make_data(std::size_t rows, const std::vector<DoubleArray> &columns, const IntArray &steps,
               const std::vector<TrackTuple> &tracks, const std::string &warmup,
               const std::string &detail) {
  Data data;
  data.rows = rows;
  data.warmup = warmup_named(warmup);
  data.detail = detail_named(detail);
  for (const DoubleArray &column : columns) {
    data.columns.push_back(to_vector<double>(column));
    if (data.columns.back().size() != rows)
      throw py::value_error("columns differ in length");
  }
  data.steps = to_vector<std::int64_t>(steps);
  std::size_t next = 0;
  for (const auto &[schedule, begin, end] : tracks) {
    if (begin != next || end < begin || end > data.steps.size())
      throw py::value_error("tracks must cover the steps in order");
    next = end;
    data.tracks.push_back({schedule, begin, end});
  }
  if (!tracks.empty() && (next != rows || data.steps.size() != rows))
    throw py::value_error("tracks must cover every row");
  return data;
}

} // namespace

void bind_program(py::module_ &module) {
  py::dict opcodes;
  for (int k = 0; k < op_count; ++k)
    opcodes[op_names[k]] = k;
  module.attr("OPCODES") = opcodes;

  py::class_<Program>(module, "Program")
      .def(py::init(&make_program), py::arg("code"), py::arg("constants"), py::arg("parameters"),
           py::arg("columns"))
      .def(
          "evaluate",
          [](const Program &program, const Data &data, const std::vector<double> &theta) {
            check_fits(program, data, theta.size());
            return to_array(without_gil(
                [&](Cancel &cancel) { return evaluate(program, data, theta, cancel); }));
          },
          py::arg("data"), py::arg("theta"), "The law's value at every row, float64[rows].");

  py::class_<Data>(module, "Data", py::dynamic_attr()) // for what owns a Callback's function
      .def(py::init(&make_data), py::arg("rows"), py::arg("columns"), py::arg("steps"),
           py::arg("tracks"), py::arg("warmup"), py::arg("detail"))
      .def_readonly("rows", &Data::rows)
      .def(
          "set_external",
          [](const py::object &self, const py::function &function, std::size_t arguments,
             double noise) {
            auto &data = self.cast<Data &>();
            data.external = std::make_shared<Callback>(function, arguments, noise, data.rows);
            self.attr("_function") = function;
          },
          py::arg("function"), py::arg("arguments"), py::arg("noise"),
          "Give the program's own function, which lives as long as this object: see callback.hpp.");
}
