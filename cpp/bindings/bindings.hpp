// What the binding files share.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "lawfit/parallel.hpp"
#include "lawfit/program.hpp"

namespace py = pybind11;

// C-contiguous float64; Python has validated and converted before it gets here.
using DoubleArray = py::array_t<double, py::array::c_style | py::array::forcecast>;
using IntArray = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

void bind_program(py::module_ &module);
void bind_schedule(py::module_ &module);
void bind_problem(py::module_ &module);
void bind_solve(py::module_ &module);
void bind_grouped(py::module_ &module);

// Throws std::invalid_argument.
lawfit::Warmup warmup_named(const std::string &name);
// Refuses columns, tracks or parameters that a program would read beyond the end of.
void check_fits(const lawfit::Program &program, const lawfit::Data &data, std::size_t parameters);

template <class T>
std::vector<T> to_vector(const py::array_t<T, py::array::c_style | py::array::forcecast> &array) {
  if (array.ndim() != 1)
    throw py::value_error("arrays must have one dimension");
  return std::vector<T>(array.data(), array.data() + array.size());
}

template <class T> py::array_t<T> to_array(const std::vector<T> &values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

// Runs `work(cancel)` without the GIL. The calling thread looks for pending signals every 20 ms
// (only Python's main thread has any), and a Ctrl-C ends the work with KeyboardInterrupt.
template <class Work> auto without_gil(Work &&work) {
  lawfit::Cancel cancel([] {
    const py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() == 0;
  });
  try {
    const py::gil_scoped_release release;
    return work(cancel);
  } catch (const lawfit::Cancelled &) {
    // The GIL is held again here, and the signal's exception is pending.
    if (PyErr_Occurred())
      throw py::error_already_set();
    throw;
  }
}
