"""Saved fits: any text is a fit that comes back the same, or refused."""

import functools

import numpy as np
from mutations import mutated
from promises import may_refuse, text_of

import lawfit as lf

_X = np.arange(1.0, 9.0)
_TABLE = {"x": _X, "y": 2 * _X**-0.5 + 1 + 1e-3 * np.sin(_X)}


@functools.cache
def _records():
    """Saved fits: plain, with a profile and a bound, of curves, of an implicit law, of groups."""
    power = lf.Law(
        "power", "a * x**-b + c", {"a": ..., "b": lf.Parameter(lower=0), "c": ...}, y="y"
    )
    implicit = lf.Law("implicit", "a + b * x / y", ["a", "b"], y="y", implicit=True)
    schedule = lf.schedules.cosine(steps=60, peak=1e-3, warmup=5)
    steps = np.arange(10, 60, 5)
    s1, s2 = schedule.areas(at=steps)
    curve = lf.Curve(steps, 2.5 + 0.4 * s1**-0.3 - 5 * s2, schedule, name="run")
    grouped = {name: np.tile(column, 2) for name, column in _TABLE.items()}
    grouped["g"] = np.repeat([1, 2], len(_X))
    fits = [
        (lf.Fit, lf.fit(power, _TABLE)),
        (lf.Fit, lf.fit(power, _TABLE, profile={"b": [0.4, 0.5]}, bounds={"c": (1.1, 2)})),
        (lf.Fit, lf.fit(lf.laws.annealing, curve)),
        (lf.Fit, lf.fit(implicit, _TABLE, space="linear")),
        (lf.GroupedFit, lf.fit(power, grouped, by="g", shared=["b"])),
    ]
    return [(kind, fit.to_dict()) for kind, fit in fits]


def seeds():
    """Whole texts, and changes to each record."""
    for k in range(len(_records())):
        yield f"changed_{k}", bytes([k, 0, 3, 5, 4, 2, 9])
    for k, (kind, record) in enumerate(_records()[:2]):
        text = kind.from_dict(record).to_json()
        yield f"text_{k}", bytes([255]) + text.encode()


def target(data):
    """Read a saved fit: of some bytes the text itself, of others a change to a good one."""
    which = data[0] if data else 0
    records = _records()
    kind, record = records[which % len(records)]
    text = text_of(data[1:]) if which >= 128 else mutated(record, data[1:])
    fit = None
    with may_refuse():
        fit = kind.from_json(text)
    if fit is None:
        return
    again = kind.from_json(fit.to_json())
    assert again == fit
    assert hash(again) == hash(fit)
    assert again.to_json() == fit.to_json()
    assert fit.summary()
    assert repr(fit)
    with may_refuse():
        fit.predict(_TABLE)
