// What the binding files share.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "lawfit/floating_point.hpp"
#include "lawfit/parallel.hpp"
#include "lawfit/problem.hpp"
#include "lawfit/program.hpp"

namespace py = pybind11;

// C-contiguous float64; Python has validated and converted before it gets here.
using DoubleArray = py::array_t<double, py::array::c_style | py::array::forcecast>;
using IntArray = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

void bind_program(py::module_ &module);
void bind_schedule(py::module_ &module);
void bind_problem(py::module_ &module);
void bind_refit(py::module_ &module);
void bind_solve(py::module_ &module);
void bind_minimiser(py::module_ &module);
void bind_grouped(py::module_ &module);
void bind_resample(py::module_ &module);
void bind_batch(py::module_ &module);

// Throws std::invalid_argument.
lawfit::Warmup warmup_named(const std::string &name);
lawfit::ProblemOptions options_from(const std::string &loss, double delta,
                                    const std::string &space);
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

// Before Python 3.14 a thread that asks for the GIL of an interpreter at its end, as a daemon's
// may, is ended by unwinding it, which destructors do not survive: the process would abort. Such a
// thread waits for the process to end instead, as Python itself has it since. For calls into
// Python that may take the GIL and throw nothing.
[[noreturn]] inline void wait_for_the_end() noexcept {
  for (;;)
    std::this_thread::sleep_for(std::chrono::hours(1));
}
template <class Call> void outlive_python(Call &&call) noexcept {
  try {
    call();
  } catch (...) {
    wait_for_the_end();
  }
}

// Whether the interpreter has ended, and this thread has no part in its end: the process is at its
// handlers of exit, and there is no GIL to take.
inline bool python_is_gone() { return !Py_IsInitialized() && !PyGILState_GetThisThreadState(); }

// Without the GIL for its lifetime.
class WithoutGil {
public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil &) = delete;
  WithoutGil &operator=(const WithoutGil &) = delete;
  ~WithoutGil() {
    outlive_python([this] { PyEval_RestoreThread(state_); });
  }

private:
  PyThreadState *state_;
};

// With the GIL for its lifetime, on any thread.
class WithGil {
public:
  WithGil() {
    if (python_is_gone())
      wait_for_the_end();
    outlive_python([this] { before_ = PyGILState_Ensure(); });
  }
  WithGil(const WithGil &) = delete;
  WithGil &operator=(const WithGil &) = delete;
  ~WithGil() {
    if (!PyGILState_Check()) // lost for good, while this thread was being unwound
      wait_for_the_end();
    PyGILState_Release(before_);
  }

private:
  PyGILState_STATE before_{};
};

// Python's main thread alone has signals to handle.
inline bool on_main_thread() {
  const py::object main = py::module_::import("threading").attr("main_thread")();
  return main.attr("ident").cast<unsigned long>() == PyThread_get_thread_ident();
}

// Runs `work(cancel)` without the GIL, in the usual arithmetic. Python's main thread looks for
// pending signals every 20 ms, and a Ctrl-C ends the work with KeyboardInterrupt. Other threads ask
// nothing of Python, which may be gone before a daemon's work is done. A time limit is for work
// that catches TimedOut.
template <class Work>
auto without_gil(Work &&work, double seconds = std::numeric_limits<double>::infinity()) {
  lawfit::Cancel cancel(
      [handles_signals = on_main_thread()] {
        if (!handles_signals)
          return true;
        const WithGil held;
        return PyErr_CheckSignals() == 0;
      },
      seconds);
  try {
    const WithoutGil released;
    const lawfit::UsualArithmetic usual;
    return work(cancel);
  } catch (const lawfit::Cancelled &) {
    // The GIL is held again here, and the signal's exception is pending.
    if (PyErr_Occurred())
      throw py::error_already_set();
    throw;
  }
}
