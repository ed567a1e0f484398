"""Schedules as JSON values, and laws by name: read or refused."""

import json

import numpy as np
from mutations import mutated
from promises import may_refuse, text_of

import lawfit as lf

_WSD = lf.schedules.wsd(steps=300, peak=3e-4, warmup=20, decay_start=200, end=3e-5, shape="1-sqrt")
_RECORDS = [
    _WSD.to_dict(),
    lf.schedules.cosine(steps=50, peak=1e-3, warmup=5).to_dict(),
    {"warmup": 1, "lr": [0.0, 1e-3, 1e-3, 5e-4]},
    {"warmup": 0, "pieces": [{"shape": "exponential", "steps": 9, "start": 1.0, "end": 0.1,
                              "span": 9}]},
    {"steps": [0, 10, 20], "lr": [0.0, 1e-3, 1e-4]},
]  # fmt: skip


def seeds():
    """Changes to each record, and a name."""
    for k in range(len(_RECORDS)):
        yield f"changed_{k}", bytes([k, 0, 3, 5, 4, 2, 9])
    yield "name", b"\xffannealng"


def target(data):
    """Read a schedule, or find a law by its name."""
    which = data[0] if data else 0
    if which >= 224:
        with may_refuse():
            lf.laws.get(text_of(data[1:]))
        return
    k = which % len(_RECORDS)
    try:
        record = json.loads(mutated(_RECORDS[k], data[1:]))
    except ValueError:  # numbers and texts are what is asked about, not JSON
        return
    schedule = None
    with may_refuse():
        if k == len(_RECORDS) - 1 and isinstance(record, dict):
            schedule = lf.Schedule.from_points(record.get("steps"), record.get("lr"))
        else:
            schedule = lf.Schedule.from_dict(record)
    if schedule is None:
        return
    assert repr(schedule)
    # What has no closed form takes time for every step.
    if schedule.steps > 10_000:
        return
    assert lf.Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    s1, s2 = schedule.areas()
    assert np.isfinite(s1).all()
    assert np.isfinite(s2).all()
