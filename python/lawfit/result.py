"""What a fit found: an immutable record of numbers that predicts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from lawfit import _core
from lawfit._html import fragment
from lawfit._validate import Floats, integer
from lawfit.curves import as_curves
from lawfit.law import Law
from lawfit.options import Options, ProfilePoint
from lawfit.prediction import Request, request
from lawfit.rows import Rows, curve_rows, is_table, rows_of
from lawfit.saved import FORMAT, Saved, plain, read_fit
from lawfit.scores import Score, Scores, score
from lawfit.text import fit_line, fit_summary, parameter_rows, quality_lines, warning_lines
from lawfit.uncertainty import conf_int, interval

__all__ = ["SUCCESSES", "Fit", "Trained"]

# How a fit may end at a minimum that the data determine.
SUCCESSES = ("converged", "imprecise")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a fit was made to, for who fits it again; it is neither saved nor compared.

    `curves` says whether its sources are curves; bounds are those of the free parameters. `data`
    own what the problem calls, where its law is a Python function.
    """

    problem: _core.Problem
    data: _core.Data
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    curves: bool


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Saved):
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
        n/(n - p)·H⁻¹(Σ ψ²jjᵀ)H⁻¹ with H the exact Hessian and ψ = w·rho' (Huber 1981, section
        7.6). Where delta is narrow beside the noise the Hessian rests on few residuals and errors
        come out too small, so H's expectation is estimated from a band of them: the m = ⌈1.295·
        n^0.8⌉ least, up to h, make H = delta/h·(1 - p/m)·Σ w·jjᵀ (Powell's estimate with Bofinger's
        bandwidth: Koenker 2005, section 3.4; `bench/interval_coverage.py` compares). For the
        squared loss s²(JᵀWJ)⁻¹ with s² = Σ w·r²/(n - p); for the binomial loss the inverse of the
        expected information Σ w·jjᵀ/(f(1 - f)), which takes the trials at their word: rates that
        scatter more than so many trials allow have larger errors.
        Infinite where the data do not determine a parameter, NaN where it sits at a bound.
    objective : float
        Sum of rho over the rows, or its mean if asked.
    residuals : ndarray, shape (n,)
        log f - log y, or f - y in linear space.
    status, message : str
        "converged", "stalled", "max_iterations", "rank_deficient", "bad_start", "imprecise" or
        "timeout", and a sentence. Imprecise is what converged with a `precision` above 1e-6
        somewhere. The parameters are NaN after "bad_start", and after a "timeout" before anything
        was found.
    at_bounds : mapping of str to {"lower", "upper"}
    undetermined : tuple of str
        Parameters that the data cannot tell apart, or that have no effect.
    rank : int
        Of the Jacobian by the free parameters not at a bound.
    freedom : int
        Rows less the rank: what Student's t in the intervals has. Of all groups for one group of a
        fit that shares parameters.
    condition : float
        Of the Jacobian with its columns scaled to length 1.
    precision : mapping of str to float
        Of each free parameter, about how far rounding in the law's own arithmetic may have moved
        it, as a share of its size or of its standard error, whichever is larger; 1.1e-16, half a
        unit in the last place, where it has all the digits of a float. 0 at a bound, NaN where it
        is not known: at no minimum, and of groups that share parameters.
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

    KIND: ClassVar[str] = "fit"
    _trained: ClassVar[Trained | None] = None  # of each fit that holds its data

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
    freedom: int
    condition: float
    precision: Mapping[str, float]
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
        for name in ("params", "at_bounds", "precision"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("cov", "residuals"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        points = (p._replace(values=MappingProxyType(dict(p.values))) for p in self.profile)
        object.__setattr__(self, "profile", tuple(points))

    def _holding(self, trained: Trained | None) -> Self:
        object.__setattr__(self, "_trained", trained)
        return self

    def _with(self, **changes: Any) -> Self:
        return super()._with(**changes)._holding(self._trained)

    @property
    def n(self) -> int:
        """Rows fitted."""
        return len(self.residuals)

    @property
    def success(self) -> bool:
        """Whether the solver converged and the data determine every parameter.

        That is a minimum, not the lowest of all: see how many starts agree on it.
        """
        return self.status in SUCCESSES

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
            In the target's unit. Steps of a schedule at which the law has no value are infinite or
            NaN: those before any learning rate, where S1 is 0, for a law that divides by it. Rows
            of a curve or of columns must have one.

        Raises
        ------
        TypeError, ValueError
            Naming the field, index and value.
        """
        return self._evaluate(self._request(data, at, params, tokens_per_step))

    def _evaluate(self, asked: Request) -> Floats:
        return asked.evaluate([*self.params.values()], exact=self.options.exact)

    def _request(
        self, data: Any, at: Any, params: float | None, tokens_per_step: float | None
    ) -> Request:
        sizes = {"params": params, "tokens_per_step": tokens_per_step}
        return request(self.law, data, at, warmup=self.options.warmup, sizes=sizes)

    def conf_int(
        self,
        level: float = 0.95,
        method: str = "sandwich",
        *,
        scale: str = "auto",
        joint: bool = False,
    ) -> dict[str, tuple[float, float]]:
        """Return a confidence interval for every parameter.

        Parameters
        ----------
        level : float
            Share of such intervals that hold the true value, of each parameter by itself or of
            all at once (`joint`).
        method : {"sandwich"}
            Estimate ± t·s with s the standard error and Student's t of `freedom` degrees of
            freedom, or the normal distribution for a binomial loss.
        scale : {"auto", "linear", "log"}
            Where ± is taken. "log": on the logarithm, so that the ends are a factor apart from the
            estimate, for parameters whose domain is all positive numbers (a lower bound of at most
            1e-300 and no upper one). "auto": the same for those that are scales: their lower bound
            is above 0, as of x0, or they are declared so by `Parameter(scale="log")`, as A and B
            are. "linear", and other parameters: as it is, cut off at the law's bounds.
        joint : bool
            Widen the intervals so that all of them hold at once with `level`, by Bonferroni's
            inequality.

        Returns
        -------
        dict of str to (float, float)
            A held parameter's ends are its value; those of one that sits at a bound are NaN; of one
            that the data do not determine they are infinite, or the bounds.

        Raises
        ------
        TypeError, ValueError
            For a level not within (0, 1), or an unknown method or scale.
        """
        return conf_int(self, level, method=method, scale=scale, joint=joint)

    def interval(
        self,
        data: Any,
        level: float = 0.95,
        at: Any = None,
        *,
        params: float | None = None,
        tokens_per_step: float | None = None,
    ) -> tuple[Floats, Floats]:
        """Return a confidence interval of the law's value, without the noise of a measurement.

        By the delta method, on the logarithm where residuals were logarithmic. Parameters at a
        bound are taken as known; values that depend on one that the data do not determine have an
        infinite interval.

        Parameters
        ----------
        data, at, params, tokens_per_step
            As of `predict`.
        level : float
            Share of such intervals that hold the true value, of each row by itself.

        Returns
        -------
        low, high : ndarray, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `predict`; or for a level not within (0, 1).
        """
        return interval(self, self._request(data, at, params, tokens_per_step), level)

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
        if is_table(data):
            rows = rows_of(self.law, data, warmup=self.options.warmup, skip_steps=skip_steps)
            return Scores({"data": self._scored(rows)})
        return Scores(
            {
                curve.name: self._scored(
                    curve_rows(self.law, curve, warmup=self.options.warmup, skip_steps=skip)
                )
                for curve in as_curves(data)
            }
        )

    def _scored(self, rows: Rows) -> Score:
        assert rows.y is not None
        rows.check_areas()
        return score(rows.y, self._evaluate(Request(rows, None, everywhere=True)))

    def summary(self) -> str:
        """Return the fit on several lines: parameters with errors, quality, warnings."""
        return fit_summary(self)

    def __repr__(self) -> str:
        return fit_line(self)

    def _repr_html_(self) -> str:
        before = [*self.law.equations(), self.message]
        return fragment(before, parameter_rows(self), [*quality_lines(self), *warning_lines(self)])

    def __hash__(self) -> int:
        return hash((self.law, self.free, self.objective))

    def state(self) -> dict[str, Any]:
        """Return what `to_dict` does, with the law itself, which may be a Python function."""
        return {**self.to_dict(), "law": self.law}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes an equal fit."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"format": FORMAT, **plain(fields | {"law": self.law.to_dict()})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fit:
        """Return the fit that `to_dict` described; unknown and missing keys are refused."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**read_fit(data, names))
