"""Fits as plain JSON values: writing, and reading with every key checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, cast

import numpy as np

from lawfit import _core
from lawfit._json import parse_json, write_json
from lawfit._printable import shown
from lawfit._record import Record, to_json_number
from lawfit._validate import Floats, choose
from lawfit.law import Law
from lawfit.options import Options, ProfilePoint
from lawfit.scores import MEASURES, Score

__all__ = [
    "FORMAT",
    "Saved",
    "check_format",
    "check_variances",
    "plain",
    "read_fit",
    "read_profile",
]

BOUNDS = ("lower", "upper")
# How a fit ends that may have no parameters.
NOTHING_FOUND = ("bad_start", "timeout")
FORMAT = 1  # of a saved fit, counted up when it changes


class Saved:
    """A frozen dataclass that is saved as JSON, and equal by what it saves but the wall time."""

    KIND: ClassVar[str]  # what messages call it

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes an equal fit."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return what `to_dict` does, with the law itself, which may be a Python function."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the fit that `to_dict` described; unknown and missing keys are refused."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the fit as JSON text; numbers keep all their digits.

        Raises
        ------
        ValueError
            If that is more than `from_json` reads, which takes some three million rows: `to_dict`
            and pickles have no such limit.
        """
        return write_json(self.to_dict(), self.KIND)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the fit that `to_json` wrote.

        The text may be anyone's: nothing in it is executed. At most 64 MiB of it are read, of at
        most 2**20 objects and lists in 32 levels.

        Raises
        ------
        ValueError, TypeError
            If the text is no such JSON; the message names the place or the key.
        """
        return cls.from_dict(parse_json(text, cls.KIND))

    def with_seconds(self, seconds: float) -> Self:
        """Return the fit with its wall time."""
        same = object.__new__(type(self))  # shares what cannot be written to
        vars(same).update(vars(self), seconds=seconds)
        return same

    def with_profile(self, profile: tuple[ProfilePoint, ...]) -> Self:
        """Return the fit with the grid it was chosen from."""
        return self._with(profile=profile)

    def with_end(self, status: str, message: str) -> Self:
        """Return the fit as the best of a search that ended so."""
        return self._with(status=status, message=message)

    def _with(self, **changes: Any) -> Self:
        changed: Self = dataclasses.replace(cast(Any, self), **changes)
        return changed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return {**self.state(), "seconds": 0} == {**other.state(), "seconds": 0}

    def __hash__(self) -> int:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.state(),)


def plain(value: Any) -> Any:
    """Turn a field into JSON values; numbers that JSON lacks become text."""
    if isinstance(value, Options):
        value = dataclasses.asdict(value)
    elif isinstance(value, Score | ProfilePoint):
        value = value._asdict()
    elif isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return to_json_number(value) if isinstance(value, float) else value


def check_format(record: Record) -> None:
    """Refuse what a later version wrote."""
    if (found := record.integer("format")) != FORMAT:
        raise ValueError(f"{record.what}: format {found} is unknown; this reads {FORMAT}")


def read_fit(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of the fit that `data` describes; `names` are those it must have."""
    names = list(names)
    record = Record(data, "fit", ["format", *names])
    check_format(record)
    law = data.get("law")
    law = law if isinstance(law, Law) else Law.from_dict(record.mapping("law"))
    free = record.texts("free")
    rows = [Record({"row": row}, "fit: cov").reals("row") for row in record.items("cov")]
    if any(len(row) != len(free) for row in rows) or len(rows) != len(free):
        raise ValueError(f"fit: 'cov' must have shape ({len(free)}, {len(free)})")
    params = record.table("params")
    if params.keys() != law.parameters.keys() or not set(free) <= params.keys():
        raise ValueError("fit: 'params' and 'free' must name the law's parameters")
    counts = ("rank", "freedom", "iterations", "evaluations", *(n for n in names if "starts_" in n))
    numbers: dict[str, Any] = {
        "status": _status(record),
        "message": record.text("message"),
        **{name: record.texts(name) for name in ("undetermined", "notes")},
        **{name: record.real(name) for name in ("objective", "condition", "seconds")},
        **{name: record.integer(name) for name in counts},
    }
    precision = record.table("precision")
    if precision.keys() != set(free):
        raise ValueError("fit: 'precision' must name the free parameters")
    fields = {
        "law": law,
        "params": {name: params[name] for name in law.parameters},
        "free": free,
        "cov": np.array(rows).reshape(len(free), len(free)),
        "residuals": record.reals("residuals"),
        "precision": {name: precision[name] for name in free},
        "at_bounds": _sides(record.mapping("at_bounds"), free),
        "training": _score(record.mapping("training")),
        "sources": tuple(_source(item) for item in record.items("sources")),
        "options": Options.from_dict(record.mapping("options")),
        "profile": read_profile(record),
        **numbers,
    }
    _check_consistent(fields)
    return fields


def _check_consistent(fields: Mapping[str, Any]) -> None:
    """Refuse what no fit can have written."""
    unknown = [name for name in fields["undetermined"] if name not in fields["free"]]
    if unknown:
        raise ValueError(f"fit: 'undetermined' names {shown(unknown[0])}, which is not free")
    check_variances(fields["free"], fields["cov"], "fit")
    rows = [len(fields["residuals"]), sum(n for _, n in fields["sources"]), fields["training"].n]
    if len(set(rows)) > 1:
        raise ValueError(
            "fit: 'residuals', 'sources' and 'training' differ in their rows: "
            f"{rows[0]}, {rows[1]} and {rows[2]}"
        )
    for name, value in fields["params"].items():
        if not math.isfinite(value) and fields["status"] not in NOTHING_FOUND:
            raise ValueError(f"fit: 'params.{name}' is {value} in a fit that ended with a value")


def check_variances(names: Iterable[str], cov: Floats, what: str) -> None:
    """Refuse a covariance that no error is the root of."""
    for name, variance in zip(names, np.diag(cov).tolist(), strict=True):
        if variance < 0:
            raise ValueError(f"{what}: 'cov' has a variance of {variance} for {name!r}")


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
        raise TypeError(f"fit: 'sources' must hold pairs of a name and a count, got {shown(item)}")
    record = Record({"name": item[0], "rows": item[1]}, "fit: sources")
    return record.text("name"), record.integer("rows")


def read_profile(record: Record) -> tuple[ProfilePoint, ...]:
    """Return the grid that a fit was chosen from."""
    return tuple(_profile_point(point) for point in record.items("profile"))


def _profile_point(data: Any) -> ProfilePoint:
    record = Record(data, "fit: profile", ProfilePoint._fields)
    return ProfilePoint(record.table("values"), record.real("objective"), _status(record))
