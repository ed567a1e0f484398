// A function of the rows that is written in Python.
#pragma once

#include <cstddef>
#include <stdexcept>

#include "bindings.hpp"
#include "lawfit/row_function.hpp"

// Calls function(arguments: float64[k], order) -> (value: float64[rows], gradient: float64[k, rows]
// or None below order 1), taking the GIL. It offers no second derivatives: those read as zero, so
// that the solver's Hessian is the one of a linear law.
class Callback final : public lawfit::RowFunction {
public:
  Callback(py::function function, std::size_t arguments, std::size_t rows)
      : function_(std::move(function)), arguments_(arguments), rows_(rows) {}
  Callback(const Callback &) = delete;
  Callback &operator=(const Callback &) = delete;
  ~Callback() override {
    const py::gil_scoped_acquire gil; // the last owner may be at work without it
    function_.release().dec_ref();
  }

  std::size_t arguments() const override { return arguments_; }

  void evaluate(const double *arguments, int order, const lawfit::RowValues &out,
                lawfit::Cancel &) const override {
    const py::gil_scoped_acquire gil;
    const auto k = static_cast<py::ssize_t>(arguments_);
    const py::object function = function_();
    if (function.is_none())
      throw std::runtime_error("the Data that own the law's function are gone");
    const py::tuple result = function(py::array_t<double>(k, arguments), order);
    copy(result[0], 1, out.value, out.stride);
    if (order < 1)
      return;
    copy(result[1], arguments_, out.gradient, out.stride);
    if (order >= 2)
      for (std::size_t pair = 0; pair < arguments_ * (arguments_ + 1) / 2; ++pair)
        std::fill_n(out.hessian + pair * out.stride, rows_, 0.0);
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
  std::size_t arguments_, rows_;
};
