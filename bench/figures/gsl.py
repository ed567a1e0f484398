"""GSL's nonlinear least squares through ctypes, as its manual's example sets it up."""

from __future__ import annotations

import ctypes as c
import ctypes.util
from functools import cache
from typing import Any

import numpy as np

from bench.figures.least_squares import Floats, LeastSquares

MOST_ITERATIONS = 1000


class _Vector(c.Structure):
    _fields_ = (
        ("size", c.c_size_t),
        ("stride", c.c_size_t),
        ("data", c.POINTER(c.c_double)),
        ("block", c.c_void_p),
        ("owner", c.c_int),
    )


class _Matrix(c.Structure):
    _fields_ = (
        ("size1", c.c_size_t),
        ("size2", c.c_size_t),
        ("tda", c.c_size_t),
        ("data", c.POINTER(c.c_double)),
        ("block", c.c_void_p),
        ("owner", c.c_int),
    )


_Function = c.CFUNCTYPE(c.c_int, c.POINTER(_Vector), c.c_void_p, c.POINTER(_Vector))
_Derivative = c.CFUNCTYPE(c.c_int, c.POINTER(_Vector), c.c_void_p, c.POINTER(_Matrix))


class _System(c.Structure):
    _fields_ = (
        ("f", _Function),
        ("df", c.c_void_p),
        ("fvv", c.c_void_p),
        ("n", c.c_size_t),
        ("p", c.c_size_t),
        ("params", c.c_void_p),
        ("counts", c.c_size_t * 3),
    )


class _Parameters(c.Structure):
    _fields_ = (
        ("trs", c.c_void_p),
        ("scale", c.c_void_p),
        ("solver", c.c_void_p),
        ("fdtype", c.c_int),
        ("numbers", c.c_double * 5),
    )


@cache
def library() -> c.CDLL:
    """The library; ImportError where there is none."""
    c.CDLL(ctypes.util.find_library("gslcblas") or "libgslcblas.so.0", mode=c.RTLD_GLOBAL)
    gsl = c.CDLL(ctypes.util.find_library("gsl") or "libgsl.so.27")
    gsl.gsl_set_error_handler_off.restype = c.c_void_p
    gsl.gsl_set_error_handler_off()
    gsl.gsl_multifit_nlinear_default_parameters.restype = _Parameters
    gsl.gsl_multifit_nlinear_alloc.restype = c.c_void_p
    gsl.gsl_multifit_nlinear_alloc.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t, c.c_size_t]
    gsl.gsl_multifit_nlinear_init.argtypes = [c.c_void_p, c.c_void_p, c.c_void_p]
    gsl.gsl_multifit_nlinear_driver.argtypes = [
        c.c_size_t,
        *[c.c_double] * 3,
        *[c.c_void_p] * 4,
    ]
    gsl.gsl_multifit_nlinear_position.restype = c.POINTER(_Vector)
    gsl.gsl_multifit_nlinear_jac.restype = c.POINTER(_Matrix)
    gsl.gsl_multifit_nlinear_covar.argtypes = [c.c_void_p, c.c_double, c.c_void_p]
    for name in ("position", "jac", "free"):
        getattr(gsl, f"gsl_multifit_nlinear_{name}").argtypes = [c.c_void_p]
    return gsl


def version() -> str:
    """The library's version."""
    return c.c_char_p.in_dll(library(), "gsl_version").value.decode()  # type: ignore[union-attr]


def _array(vector: Any) -> Floats:
    """A view; columns of matrices are not contiguous."""
    v = vector.contents
    return np.ctypeslib.as_array(v.data, (v.size * v.stride,))[:: v.stride]


def _vector(array: Floats) -> _Vector:
    return _Vector(array.size, 1, array.ctypes.data_as(c.POINTER(c.c_double)), None, 0)


def fit(problem: LeastSquares, *, exact: bool, tolerance: float) -> tuple[Floats, Floats]:
    """Return parameters and their standard errors."""
    gsl = library()
    n, p = problem.y.size, problem.parameters

    @_Function
    def function(b: Any, _: Any, out: Any) -> int:
        _array(out)[:] = problem.residuals(_array(b).copy())
        return 0

    @_Derivative
    def derivative(b: Any, _: Any, out: Any) -> int:
        m = out.contents
        rows = np.ctypeslib.as_array(m.data, (m.size1, m.tda))
        rows[:, : m.size2] = problem.jacobian(_array(b).copy())
        return 0

    system = _System(f=function, n=n, p=p)
    if exact:
        system.df = c.cast(derivative, c.c_void_p)
    options = gsl.gsl_multifit_nlinear_default_parameters()
    trust = c.c_void_p.in_dll(gsl, "gsl_multifit_nlinear_trust")
    work = gsl.gsl_multifit_nlinear_alloc(trust, c.byref(options), n, p)
    start = problem.start.copy()
    try:
        gsl.gsl_multifit_nlinear_init(c.byref(_vector(start)), c.byref(system), work)
        info = c.c_int()
        gsl.gsl_multifit_nlinear_driver(
            MOST_ITERATIONS, tolerance, tolerance, 0.0, None, None, c.byref(info), work
        )
        found = _array(gsl.gsl_multifit_nlinear_position(work)).copy()
        spread = np.zeros((p, p))
        matrix = _Matrix(p, p, p, spread.ctypes.data_as(c.POINTER(c.c_double)), None, 0)
        gsl.gsl_multifit_nlinear_covar(gsl.gsl_multifit_nlinear_jac(work), 0.0, c.byref(matrix))
    finally:
        gsl.gsl_multifit_nlinear_free(work)
    scale = 2 * problem.cost(found) / (n - p) if n > p else np.nan
    with np.errstate(all="ignore"):
        return found, np.sqrt(scale * np.diag(spread))
