// What the binding files share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "lawfit/parallel.hpp"

namespace py = pybind11;

// C-contiguous float64; Python has validated and converted before it gets here.
using DoubleArray = py::array_t<double, py::array::c_style | py::array::forcecast>;
using IntArray = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

void bind_program(py::module_ &module);
void bind_schedule(py::module_ &module);
void bind_problem(py::module_ &module);
void bind_solve(py::module_ &module);

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
