"""A law that is a plain Python function."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping
from types import EllipsisType, MappingProxyType
from typing import Any, NoReturn

import numpy as np

from lawfit._jacobian_check import wrong_derivative
from lawfit._validate import EPSILON, Floats, flag
from lawfit.formula import declared
from lawfit.law import Law, check_labels
from lawfit.parameter import Parameter, check_text, parameter_table, set_fields

__all__ = ["CallableLaw"]

# Central differences err by h² and by eps/h: the cube root of eps balances the two. Those of four
# points err by h⁴ and by eps/h.
_STEP = EPSILON ** (1 / 3)
_WIDE_STEP = EPSILON ** (1 / 5)
# What the central ones are off by, relatively.
_NOISE = 1e-10
# Calls of a law's own jacobian that are checked, of each set of rows.
_CHECKED = 3


class CallableLaw(Law):
    """A law that is a Python function, for what no formula can say.

    It is slow: every evaluation calls the function, on one thread and with the GIL held. Without
    `jacobian`, derivatives are central differences, good to about 1e-10. Near a minimum, or where
    the objective falls as slowly as there, they are taken by four points instead of two, and second
    derivatives with them: p² + 3·p calls for p parameters, those held among them, or 2·p of the
    `jacobian`. `Fit.precision` says what that leaves. A fit of such a law cannot be saved with its
    law.

    Parameters
    ----------
    function : callable
        ``function(*columns, **parameters) -> array of shape (n,)``; columns are float64 arrays of
        shape (n,) that cannot be written to, parameters floats. NaN means that the law has no value
        there: a step to such parameters is rejected. What it raises ends the fit and reaches the
        caller as it is. It may call `lawfit.fit` itself, and start threads.
    parameters : mapping of str to Parameter, or iterable of str, optional
        By default the function's keyword-only arguments.
    columns : iterable of str, optional
        By default the function's positional arguments.
    y : str
        The column the law predicts.
    jacobian : callable, optional
        The same arguments to an array of shape (n, p), parameters in order.
    check_jacobian : bool
        Compare the jacobian with differences of the function where a fit begins, and refuse it
        where they contradict it by more than 1e-4 of the derivative.
    name, description, source : str, optional
        As of a `Law`; the name is by default the function's.

    Raises
    ------
    TypeError, ValueError
        If parameters or columns cannot be read off the function, or are no names. In a fit: if what
        the function or the jacobian returns has another shape or type, or the jacobian is wrong;
        the message names the row and the parameter.

    Examples
    --------
    >>> def saturating(x, *, a, b):
    ...     return a * x / (b + x)
    >>> CallableLaw(saturating, y="y")
    CallableLaw('saturating', 'saturating(x, *, a, b)', y='y')
    """

    function: Callable[..., Any]
    jacobian: Callable[..., Any] | None
    check_jacobian: bool

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Mapping[str, Parameter | EllipsisType | None] | Iterable[str] | None = None,
        columns: Iterable[str] | None = None,
        *,
        y: str = "loss",
        jacobian: Callable[..., Any] | None = None,
        check_jacobian: bool = True,
        name: str | None = None,
        description: str = "",
        source: str = "",
    ) -> None:
        for what, given in (("function", function), ("jacobian", jacobian)):
            if not callable(given) and (what == "function" or given is not None):
                raise TypeError(f"{what} is {given!r}; expected a function")
        name = getattr(function, "__name__", type(function).__name__) if name is None else name
        found = _signature(function) if parameters is None or columns is None else ((), ())
        table = parameter_table(found[1] if parameters is None else parameters)
        listed = declared(found[0] if columns is None else columns, "column")
        if not listed:
            raise ValueError(f"function {name!r} needs at least one column")
        if clash := set(listed) & set(table):
            raise ValueError(f"{min(clash)!r} is both a parameter and a column")
        p = len(table)
        check_labels(name=name, y=y)
        set_fields(
            self,
            name=name,
            formula=f"{name}({', '.join([*listed, '*', *table])})",
            parameters=MappingProxyType(table),
            y=y,
            columns=listed,
            where=MappingProxyType({}),
            implicit=False,
            conventions=MappingProxyType({}),
            description=check_text("description", description),
            source=check_text("source", source),
            positive_columns=(),
            nonzero_columns=(),
            uses_schedule=False,
            positive_s1=False,
            instructions=(
                *(("parameter", k, 0) for k in range(p)),
                *(("argument", k, 0) for k in range(p)),
                ("external", p, p),
            ),
            constants=(),
            function=function,
            jacobian=jacobian,
            check_jacobian=flag(check_jacobian, field="check_jacobian"),
        )

    def _key(self) -> tuple[object, ...]:
        return (*super()._key(), self.function, self.jacobian)

    def __reduce__(self) -> tuple[Any, ...]:
        keywords = {
            "y": self.y, "jacobian": self.jacobian, "check_jacobian": self.check_jacobian,
            "name": self.name, "description": self.description, "source": self.source,
        }  # fmt: skip
        return _remake, (self.function, dict(self.parameters), self.columns, keywords)

    def to_dict(self) -> dict[str, Any]:
        """Return the law as plain JSON values; a function has none, so its name stands for it."""
        return {**super().to_dict(), "callable": True}

    @property
    def noise(self) -> float:
        """The relative error of its derivatives, where that is more than rounding."""
        return _NOISE if self.jacobian is None else 0.0

    def bind(self, columns: Iterable[Floats]) -> BoundFunction:
        """Return the function of the parameters alone, over given rows."""
        return BoundFunction(self, tuple(columns))


class BoundFunction:
    """A law's function over given rows: (parameters, order) to values and derivatives."""

    def __init__(self, law: CallableLaw, columns: tuple[Floats, ...]) -> None:
        self.law = law
        self.columns = tuple(map(_sealed, columns))
        self.rows = len(columns[0]) if columns else 0
        self._bounds = [(limits.lower, limits.upper) for limits in law.parameters.values()]
        self._unchecked = _CHECKED if law.check_jacobian else 0

    def __call__(self, theta: Floats, order: int) -> tuple[Floats, Floats | None, Floats | None]:
        """Return values and derivatives up to `order`; what is beyond it is None.

        Of shape (n,), (p, n) and (p(p + 1)/2, n), of second derivatives the lower triangle.
        """
        with np.errstate(all="ignore"):  # trial steps may go where it has no value
            value = self._value(theta)
            if order < 1:
                return value, None, None
            if order < 2 or self.law.jacobian is not None:
                first = self._derivatives(theta, value)
                self._check(theta, value, first)
            if order < 2:
                return value, first, None
            if self.law.jacobian is not None:
                second = self._differences_of_jacobian(theta)
            else:
                first, second = self._wide_differences(theta, value)
            # Where there are none, the law is taken as linear.
            second[~np.isfinite(second)] = 0
            return value, first, second[np.tril_indices(theta.size)]

    def _value(self, theta: Floats) -> Floats:
        return self._call(self.law.function, theta, (self.rows,), "function")

    def _derivatives(self, theta: Floats, value: Floats) -> Floats:
        if self.law.jacobian is None:
            return np.stack([self._difference(theta, k, value) for k in range(theta.size)])
        return self._call(self.law.jacobian, theta, (self.rows, theta.size), "jacobian").T

    def _check(self, theta: Floats, value: Floats, given: Floats) -> None:
        """Refuse derivatives of the law's own that the function contradicts."""
        if self.law.jacobian is None or not self._unchecked or not np.isfinite(value).any():
            return
        self._unchecked -= 1
        for k, name in enumerate(self.law.parameters):

            def function(end: float, k: int = k) -> Floats:
                return self._value(_placed(theta, k, end))

            wrong = wrong_derivative(function, float(theta[k]), value, given[k], self._bounds[k])
            if wrong is None:
                continue
            row = ", ".join(
                f"{column}={values[wrong.row]:.6g}"
                for column, values in zip(self.law.columns, self.columns, strict=True)
            )
            place = ", ".join(
                f"{n}={x:.6g}" for n, x in zip(self.law.parameters, theta, strict=True)
            )
            raise ValueError(
                f"law {self.law.name!r}: its jacobian's derivative by {name!r} at row {wrong.row} "
                f"({row}) is {wrong.given:.10g}; differences of the function give "
                f"{wrong.found:.10g} ± {wrong.error:.2g}, at {place} "
                "(check_jacobian=False fits without this check)"
            )

    def _difference(self, theta: Floats, k: int, value: Floats) -> Floats:
        step = _STEP * (abs(theta[k]) or 1.0)
        ends, values = [], []
        for end in (theta[k] - step, theta[k] + step):
            if not self._bounds[k][0] <= end <= self._bounds[k][1]:  # the function may end there
                ends.append(theta[k])
                values.append(value)
                continue
            ends.append(end)
            values.append(self._value(_placed(theta, k, end)))
        slope: Floats = (values[1] - values[0]) / (ends[1] - ends[0])
        return slope

    def _inside(self, theta: Floats, reach: Floats) -> list[bool]:
        """Return of which parameters both ends are within the bounds."""
        ends = zip(theta - reach, theta + reach, self._bounds, strict=True)
        return [bool(low <= below and above <= high) for below, above, (low, high) in ends]

    def _differences_of_jacobian(self, theta: Floats) -> Floats:
        p = theta.size
        steps = _STEP * np.where(theta == 0, 1.0, np.abs(theta))
        second = np.full((p, p, self.rows), np.nan)
        for k, inside in enumerate(self._inside(theta, steps)):
            if inside:
                below, above = (_moved(theta, {k: end}) for end in (-steps[k], steps[k]))
                slopes = self._derivatives(above, theta) - self._derivatives(below, theta)
                second[k] = slopes / (above[k] - below[k])
        both: Floats = (second + second.transpose(1, 0, 2)) / 2
        return both

    def _wide_differences(self, theta: Floats, value: Floats) -> tuple[Floats, Floats]:
        """Return first derivatives by four points, where bounds let them, and second ones."""
        p = theta.size
        steps = _WIDE_STEP * np.where(theta == 0, 1.0, np.abs(theta))
        wide = self._inside(theta, 2 * steps)
        first = np.empty((p, self.rows))
        second = np.full((p, p, self.rows), np.nan)
        pair = np.zeros((p, self.rows))  # f one step above and one below, less 2·f
        for k in range(p):
            if not wide[k]:
                first[k] = self._difference(theta, k, value)
                continue
            far, near, above, beyond = (
                self._value(_moved(theta, {k: n * steps[k]})) for n in (-2, -1, 1, 2)
            )
            first[k] = (8 * (above - near) - (beyond - far)) / (12 * steps[k])
            if not np.isfinite(first[k]).all():  # nearer by there may be values
                first[k] = self._difference(theta, k, value)
            pair[k] = above - value + (near - value)
            second[k, k] = (16 * pair[k] - (beyond - value + (far - value))) / (12 * steps[k] ** 2)
        for k in range(p):
            for j in range(k):
                if wide[j] and wide[k]:
                    shift = {j: steps[j], k: steps[k]}
                    above = self._value(_moved(theta, shift))
                    below = self._value(_moved(theta, {at: -by for at, by in shift.items()}))
                    both = above - value + (below - value) - pair[j] - pair[k]
                    second[k, j] = both / (2 * steps[j] * steps[k])
        return first, second

    def _call(
        self, function: Callable[..., Any], theta: Floats, shape: tuple[int, ...], what: str
    ) -> Floats:
        named = dict(zip(self.law.parameters, theta.tolist(), strict=True))
        returned = function(*self.columns, **named)
        who = f"law {self.law.name!r}: its {what} returned"
        if returned is None or isinstance(returned, list | tuple):
            found = "None" if returned is None else f"a {type(returned).__name__}"
            raise TypeError(f"{who} {found}; expected an array of shape {shape}")
        array = np.asarray(returned)
        if array.dtype.kind not in "iuf":
            found = f"values of type {array.dtype}" if array.ndim else reprlib.repr(returned)
            raise TypeError(f"{who} {found}; expected real numbers")
        # A copy: the function may write to its array again.
        result = np.array(array, dtype=np.float64, order="C")
        if result.shape != shape:
            raise ValueError(f"{who} shape {result.shape}; expected {shape}")
        if isinstance(returned, np.ma.MaskedArray):
            result[np.ma.getmaskarray(returned)] = np.nan
        return result


def _sealed(column: Floats) -> Floats:
    """Return a copy that nothing can write to: its memory is that of bytes."""
    return np.frombuffer(column.tobytes(), dtype=np.float64)


def _placed(theta: Floats, k: int, end: float) -> Floats:
    moved = theta.copy()
    moved[k] = end
    return moved


def _moved(theta: Floats, shifts: Mapping[int, float]) -> Floats:
    moved = theta.copy()
    for k, shift in shifts.items():
        moved[k] += shift
    return moved


def _remake(
    function: Callable[..., Any], parameters: Any, columns: Any, keywords: Mapping[str, Any]
) -> CallableLaw:
    return CallableLaw(function, parameters, columns, **keywords)


def _signature(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Return the names of positional and of keyword-only arguments."""
    kinds = inspect.Parameter
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        _refuse(function, "its arguments cannot be read")
    positional: list[str] = []
    keyword: list[str] = []
    for argument in arguments:
        if argument.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD):
            _refuse(function, f"it takes any number of arguments ({argument})")
        named = keyword if argument.kind is kinds.KEYWORD_ONLY else positional
        named.append(argument.name)
    if not positional or not keyword:
        _refuse(function, "expected columns before and parameters after a '*' in its arguments")
    return positional, keyword


def _refuse(function: Callable[..., Any], why: str) -> NoReturn:
    raise TypeError(f"function {function!r}: {why}; name parameters= and columns=")
