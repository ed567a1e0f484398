"""What a fit found: an immutable record of numbers that predicts."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lawfit import _core
from lawfit._record import Record, to_json_number
from lawfit._validate import Floats, choose, integer, step_array
from lawfit.curve import Curve, Curves, as_curves
from lawfit.law import Law
from lawfit.options import Options
from lawfit.rows import curve_rows, is_curves, table_rows
from lawfit.schedule import Schedule
from lawfit.scores import MEASURES, Score, Scores, score
from lawfit.text import fit_line, fit_summary

__all__ = ["Fit", "ProfilePoint"]

BOUNDS = ("lower", "upper")
FORMAT = 1  # of to_json, counted up when it changes


class ProfilePoint(NamedTuple):
    """The best objective with some parameters kept at the values given."""

    values: Mapping[str, float]
    objective: float
    status: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit:
    """A fitted law.

    Attributes
    ----------
    law : Law
    params : mapping of str to float
        All parameters in natural units, those held included.
    free : tuple of str
        The parameters that were fitted, in the order of `cov`.
    cov : ndarray, shape (free, free)
        Covariance of the free parameters. For a robust loss the sandwich
        n/(n - p)·H⁻¹(Σ ψ²jjᵀ)H⁻¹ with H the exact Hessian (Huber 1981, section 7.6); for the
        squared loss s²(JᵀJ)⁻¹. Infinite where the data do not determine a parameter, NaN where it
        sits at a bound.
    objective : float
        Sum of rho over the rows, or its mean if asked.
    residuals : ndarray, shape (n,)
        log f - log y, or f - y in linear space.
    status, message : str
        "converged", "stalled", "max_iterations", "rank_deficient" or "bad_start", and a sentence.
    at_bounds : mapping of str to {"lower", "upper"}
    undetermined : tuple of str
        Parameters that the data cannot tell apart, or that have no effect.
    rank : int
        Of the Jacobian by the free parameters not at a bound.
    condition : float
        Of the Jacobian with its columns scaled to length 1.
    training : Score
        R², MAE, RMSE, PredE and WorstE over the rows fitted, in raw units.
    sources : tuple of (str, int)
        Where the rows came from, and how many each gave.
    options : Options
    profile : tuple of ProfilePoint
        The grid that was profiled, if one was.
    starts_asked, starts_run, starts_merged, starts_failed, starts_agreed : int
        Starts asked for; solved to their end; stopped in the basin of a minimum already known;
        without a finite value; and ended or merged at the best minimum.
    iterations, evaluations : int
        Of the best start; of all starts together.
    notes : tuple of str
        What else is worth knowing.
    seconds : float
        Wall time of the fit.
    """

    law: Law
    params: Mapping[str, float]
    free: tuple[str, ...]
    cov: Floats
    objective: float
    residuals: Floats
    status: str
    message: str
    at_bounds: Mapping[str, str]
    undetermined: tuple[str, ...]
    rank: int
    condition: float
    training: Score
    sources: tuple[tuple[str, int], ...]
    options: Options
    starts_asked: int
    starts_run: int
    starts_merged: int
    starts_failed: int
    starts_agreed: int
    iterations: int
    evaluations: int
    notes: tuple[str, ...] = ()
    profile: tuple[ProfilePoint, ...] = ()
    seconds: float = math.nan

    def __post_init__(self) -> None:
        for name in ("params", "at_bounds"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("cov", "residuals"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n(self) -> int:
        """Rows fitted."""
        return len(self.residuals)

    @property
    def success(self) -> bool:
        """Whether the solver converged and the data determine every parameter."""
        return self.status == "converged"

    @property
    def stderr(self) -> Mapping[str, float]:
        """Standard errors by parameter; 0 for one that was held."""
        errors = dict(zip(self.free, np.sqrt(np.diag(self.cov)).tolist(), strict=True))
        return MappingProxyType({name: errors.get(name, 0.0) for name in self.params})

    def predict(
        self,
        data: Any,
        at: Any = None,
        *,
        params: float | None = None,
        tokens_per_step: float | None = None,
    ) -> Floats:
        """Predict with the fitted parameters.

        Parameters
        ----------
        data : Schedule, Curve, mapping or data frame
            A schedule: the loss at its every step. A curve: the loss at its steps. Columns: the
            law's value at every row.
        at : array-like of int, optional
            Steps of the schedule or curve, in any order.
        params, tokens_per_step : float, optional
            The run's size, for a law of N or D over a bare schedule.

        Returns
        -------
        ndarray, shape (n,)
            In the target's unit. A step before any learning rate, where S1 is 0, has no finite
            value under a law that divides by it.

        Raises
        ------
        TypeError, ValueError
            Naming the field, index and value.
        """
        if isinstance(data, Curves):
            raise TypeError("predict takes one curve at a time; use predict(curve) for each")
        if not isinstance(data, Schedule) and not (params is tokens_per_step is None):
            raise TypeError("params and tokens_per_step: only a bare schedule needs a size")
        if not isinstance(data, Schedule | Curve):
            if at is not None:
                raise TypeError("at: only a schedule or a curve has steps")
            return self._evaluate_table(data)
        if isinstance(data, Curve):
            if at is None:
                return self._evaluate_curve(data)
            if data.schedule is None:
                raise ValueError(f"curve {data.name!r} has no schedule to predict other steps of")
            params, tokens_per_step = data.params, data.tokens_per_step
            data = data.schedule
        steps = (
            np.arange(data.steps) if at is None else step_array(at, source="predict", field="at")
        )
        distinct, back = np.unique(steps, return_inverse=True)
        curve = Curve(
            distinct,
            np.zeros(len(distinct)),
            data,
            name="prediction",
            params=params,
            tokens_per_step=tokens_per_step,
        )
        return self._evaluate_curve(curve)[back]

    def score(self, data: Any, *, skip_steps: int | None = None) -> Scores:
        """Score predictions of measured curves or columns.

        Parameters
        ----------
        data : Curve, Curves, sequence of Curve, mapping or data frame
        skip_steps : int, optional
            Leave out points before this step; by default those that the fit left out.

        Returns
        -------
        Scores
            By curve name ("data" for columns), each with R2, MAE, RMSE, PredE and WorstE.
        """
        skip = self.options.skip_steps
        if skip_steps is not None:
            skip = integer(skip_steps, field="skip_steps", lower=0)
        if not is_curves(data):
            if skip_steps is not None:
                raise TypeError(f"skip_steps: a {type(data).__name__} has no steps to skip")
            rows = table_rows(self.law, data)
            assert rows.y is not None
            return Scores({"data": score(rows.y, self._evaluate_table(data))})
        scores = {}
        for curve in [data] if isinstance(data, Curve) else as_curves(data):
            rows = curve_rows(self.law, curve, warmup=self.options.warmup, skip_steps=skip)
            assert rows.y is not None
            scores[curve.name] = score(rows.y, self._values(rows.core()))
        return Scores(scores)

    def _evaluate_curve(self, curve: Curve) -> Floats:
        rows = curve_rows(self.law, curve, warmup=self.options.warmup, skip_steps=0, target=False)
        rows.check_columns()
        return self._values(rows.core())

    def _evaluate_table(self, data: Any) -> Floats:
        rows = table_rows(self.law, data, target=False)
        rows.check_columns()
        return self._values(rows.core())

    def _values(self, core: Any) -> Floats:
        values: Floats = self.law._program.evaluate(core, list(self.params.values()))
        return values

    def summary(self) -> str:
        """Return the fit on several lines: parameters with errors, quality, warnings."""
        return fit_summary(self)

    def __repr__(self) -> str:
        return fit_line(self)

    def __eq__(self, other: object) -> bool:
        """Compare everything but the wall time."""
        if not isinstance(other, Fit):
            return NotImplemented
        mine, theirs = self.to_dict(), other.to_dict()
        return {**mine, "seconds": 0} == {**theirs, "seconds": 0}

    def __hash__(self) -> int:
        return hash((self.law, self.free, self.objective))

    def __reduce__(self) -> tuple[Any, ...]:
        return Fit.from_dict, (self.to_dict(),)

    def with_seconds(self, seconds: float) -> Fit:
        """Return the fit with its wall time."""
        return dataclasses.replace(self, seconds=seconds)

    def with_profile(self, profile: tuple[ProfilePoint, ...]) -> Fit:
        """Return the fit with the grid it was chosen from."""
        return dataclasses.replace(self, profile=profile)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes an equal fit."""
        record: dict[str, Any] = {"format": FORMAT, "law": self.law.to_dict()}
        for field in dataclasses.fields(self):
            if field.name != "law":
                record[field.name] = _plain(getattr(self, field.name))
        return record

    def to_json(self) -> str:
        """Return the fit as JSON text; numbers keep all their digits."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Fit:
        """Return the fit that `to_json` wrote.

        Raises
        ------
        ValueError, TypeError
            If the text is no such JSON; the message names the key.
        """
        try:
            data = json.loads(text)
        except RecursionError:
            raise ValueError("fit: the JSON is nested too deeply") from None
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fit:
        """Return the fit that `to_dict` described; unknown and missing keys are refused."""
        fields = [field.name for field in dataclasses.fields(cls)]
        record = Record(data, "fit", ["format", *fields])
        if record.integer("format") != FORMAT:
            raise ValueError(f"fit: format {data['format']!r} is unknown; this reads {FORMAT}")
        law = Law.from_dict(data.get("law", {}))
        free = record.texts("free")
        rows = [Record({"row": row}, "fit: cov").reals("row") for row in record.items("cov")]
        if any(len(row) != len(free) for row in rows) or len(rows) != len(free):
            raise ValueError(f"fit: 'cov' must have shape ({len(free)}, {len(free)})")
        params = record.table("params")
        if params.keys() != law.parameters.keys() or not set(free) <= params.keys():
            raise ValueError("fit: 'params' and 'free' must name the law's parameters")
        counts = ("rank", "iterations", "evaluations", *(f for f in fields if "starts_" in f))
        plain: dict[str, Any] = {
            "status": _status(record),
            "message": record.text("message"),
            **{name: record.texts(name) for name in ("undetermined", "notes")},
            **{name: record.real(name) for name in ("objective", "condition", "seconds")},
            **{name: record.integer(name) for name in counts},
        }
        return cls(
            law=law,
            params={name: params[name] for name in law.parameters},
            free=free,
            cov=np.array(rows).reshape(len(free), len(free)),
            residuals=record.reals("residuals"),
            at_bounds=_sides(record.mapping("at_bounds"), free),
            training=_score(data.get("training", {})),
            sources=tuple(_source(item) for item in record.items("sources")),
            options=Options.from_dict(record.mapping("options")),
            profile=tuple(_profile_point(point) for point in record.items("profile")),
            **plain,
        )


def _sides(data: Mapping[str, Any], free: tuple[str, ...]) -> dict[str, str]:
    record = Record(data, "fit: at_bounds", free)
    return {
        name: choose(record.text(name), BOUNDS, field=f"fit: bound of {name!r}") for name in data
    }


def _status(record: Record) -> str:
    return choose(record.text("status"), _core.STATUSES, field="fit: status")


def _score(data: Mapping[str, Any]) -> Score:
    record = Record(data, "fit: training", Score._fields)
    return Score(**{name: record.real(name) for name in MEASURES}, n=record.integer("n"))


def _source(item: Any) -> tuple[str, int]:
    if not isinstance(item, list | tuple) or len(item) != 2:
        raise TypeError(f"fit: 'sources' must hold pairs of a name and a count, got {item!r}")
    record = Record({"name": item[0], "rows": item[1]}, "fit: sources")
    return record.text("name"), record.integer("rows")


def _profile_point(data: Any) -> ProfilePoint:
    record = Record(data, "fit: profile", ProfilePoint._fields)
    return ProfilePoint(record.table("values"), record.real("objective"), _status(record))


def _plain(value: Any) -> Any:
    """Turn a field into JSON values; numbers that JSON lacks become text."""
    if isinstance(value, Options):
        value = dataclasses.asdict(value)
    elif isinstance(value, Score | ProfilePoint):
        value = value._asdict()
    elif isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return to_json_number(value) if isinstance(value, float) else value
