#include "bindings.hpp"

void bind_problem(py::module_ &) {}
