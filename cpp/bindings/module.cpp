#include "bindings.hpp"

#include "lawfit/simd.hpp"

namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = LAWFIT_VERSION;
#if defined(__clang__)
  info["compiler"] = "clang " __clang_version__;
#elif defined(__GNUC__)
  info["compiler"] = "gcc " __VERSION__;
#else
  info["compiler"] = "unknown";
#endif
  info["cxx_standard"] = static_cast<long>(__cplusplus);
  info["openmp"] =
      lawfit::has_openmp() ? py::object(py::str(lawfit::openmp_version())) : py::none();
  info["max_threads"] = lawfit::max_threads();
  info["simd"] = lawfit::simd::level();
  return info;
}

} // namespace

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "lawfit's compiled core; private, use the names in `lawfit`.";
  module.def("build_info", &build_info);
  module.def("max_threads", &lawfit::max_threads);
  bind_schedule(module);
  bind_program(module);
  bind_problem(module);
  bind_solve(module);
  bind_minimiser(module);
  bind_grouped(module);
  bind_refit(module);
  bind_resample(module);
  bind_batch(module);
}
