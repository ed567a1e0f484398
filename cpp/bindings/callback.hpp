// A function of the rows that is written in Python.
#pragma once

#include <cstddef>
#include <stdexcept>

#include "bindings.hpp"
#include "lawfit/row_function.hpp"

// Calls function(arguments: float64[k], order) -> (value: float64[rows], gradient: float64[k, rows]
// or None below order 1, second derivatives: float64[k(k+1)/2, rows] or None below order 2), taking
// the GIL.
class Callback final : public lawfit::RowFunction {
public:
  Callback(py::function function, std::size_t arguments, double noise, std::size_t rows)
      : function_(std::move(function)), arguments_(arguments), noise_(noise), rows_(rows) {}
  Callback(const Callback &) = delete;
  Callback &operator=(const Callback &) = delete;
  ~Callback() override {
    if (python_is_gone()) {
      function_.release(); // went with it
      return;
    }
    const WithGil held; // the last owner may be at work without it
    function_.release().dec_ref();
  }

  std::size_t arguments() const override { return arguments_; }
  double noise() const override { return noise_; }

  void evaluate(const double *arguments, int order, const lawfit::RowValues &out,
                lawfit::Cancel &) const override {
    const WithGil held;
    const py::object function = function_();
    if (function.is_none())
      throw std::runtime_error("the Data that own the law's function are gone");
    // Filled here: some versions of numpy let go of the GIL as they copy.
    py::array_t<double> theta(static_cast<py::ssize_t>(arguments_));
    std::copy_n(arguments, arguments_, theta.mutable_data());
    const py::tuple given = py::make_tuple(theta, order);
    PyObject *returned = nullptr;
    outlive_python([&] { returned = PyObject_CallObject(function.ptr(), given.ptr()); });
    if (!returned)
      throw py::error_already_set();
    const auto result = py::reinterpret_steal<py::tuple>(returned);
    copy(result[0], 1, out.value, out.stride);
    if (order < 1)
      return;
    copy(result[1], arguments_, out.gradient, out.stride);
    if (order >= 2)
      copy(result[2], arguments_ * (arguments_ + 1) / 2, out.hessian, out.stride);
  }

private:
  void copy(const py::handle &from, std::size_t lines, double *to, std::size_t stride) const {
    const auto array = py::cast<DoubleArray>(from);
    if (static_cast<std::size_t>(array.size()) != lines * rows_)
      throw py::value_error("the function's result has the wrong shape");
    for (std::size_t j = 0; j < lines; ++j)
      std::copy_n(array.data() + j * rows_, rows_, to + j * stride);
  }

  py::weakref function_;
  std::size_t arguments_;
  double noise_;
  std::size_t rows_;
};
