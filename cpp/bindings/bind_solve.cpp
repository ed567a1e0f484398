#include "bindings.hpp"

void bind_solve(py::module_ &) {}
