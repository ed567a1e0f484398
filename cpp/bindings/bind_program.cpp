#include "bindings.hpp"

void bind_program(py::module_ &) {}
