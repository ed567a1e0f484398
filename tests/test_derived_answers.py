"""What derived quantities are answered with: read-only, equal by value, the same after a trip."""

import copy
import math
import pickle

import numpy as np
import pytest

import lawfit as lf
from derived_data import chinchilla_fit

SCHEDULE = lf.schedules.cosine(steps=200, peak=1e-3)


def curves():
    steps = np.arange(20, 200, 20)
    return [
        lf.Curve(steps, 2 + size / steps, SCHEDULE, name=f"{size}", params=size, tokens_per_step=8)
        for size in (1, 2)
    ]


def chain():
    shares = np.random.default_rng(0).dirichlet([1] * 4, (5, 7))
    return lf.downstream_chain(np.log(shares), [0] * 7)


def runs():
    loss = np.linspace(4, 2, 9)
    return {
        name: {"loss": loss - shift, "score": 1 / loss} for name, shift in (("a", 0), ("b", 0.1))
    }


def emergence(method):
    return lf.emergence([1e7, 1e8, 1e9, 1e10], [1, 10, 100, 400], [1000] * 4, method=method)


MAKE = {
    "ComputeOptimal": lambda: lf.compute_optimal(chinchilla_fit(noise=1e-3), [1e20, 1e21], draws=9),
    "Crossover": lambda: lf.crossover(
        chinchilla_fit(), chinchilla_fit(), "N", low=1e6, high=1e8, at={"D": 1e9}, draws=0
    ),
    "Envelope": lambda: lf.envelope(curves()),
    "IsoflopProfile": lambda: lf.isoflop_profile(chinchilla_fit(), 1e21),
    "EntropyReading": lambda: lf.entropy_reading(chinchilla_fit(), {"N": [1e9], "D": [1e10]}),
    "Collapse": lambda: lf.collapse(curves(), 1.0),
    "Agreement": lambda: lf.align_dynamics(runs(), on="loss", metric="score"),
    "Predictability": lambda: lf.predictability(chain(), range(1, 6)),
    "Emergence": lambda: emergence("likelihood"),
}


def arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif hasattr(value, "values"):
        for item in value.values():
            yield from arrays(item)


@pytest.mark.parametrize("name", MAKE)
def test_answers_are_values(name):
    answer, again = MAKE[name](), MAKE[name]()
    assert type(answer) is getattr(lf, name)
    fields = type(answer).__dataclass_fields__
    for copied in (again, pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert copied == answer
        found = [array for field in fields for array in arrays(getattr(copied, field))]
        assert not any(array.flags.writeable for array in found)
    assert answer != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(answer)
    with pytest.raises(AttributeError):
        setattr(answer, next(iter(fields)), 0)


def test_answers_that_differ_differ():
    fit = chinchilla_fit()
    assert lf.isoflop_profile(fit, 1e21) != lf.isoflop_profile(fit, 2e21)
    assert lf.isoflop_profile(fit, 1e21) != lf.isoflop_profile(fit, 1e21, 7)
    assert lf.predictability(chain(), range(1, 6)) != lf.predictability(chain(), [5, 4, 1, 2, 3])
    assert emergence("likelihood") != emergence("loglog")


@pytest.mark.parametrize("method", ["likelihood", "loglog"])
def test_emergence_as_json(method):
    found = emergence(method)
    read = lf.Emergence.from_json(found.to_json())
    assert read == found
    assert (read.message, read.curvature) == (found.message, found.curvature)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format": 99}, ValueError, "emergence: format 99 is unknown"),
        ({"method": "log"}, ValueError, "emergence: method 'log' is unknown"),
        ({"p_value": "small"}, TypeError, "emergence: 'p_value' must be a number"),
        ({"straight": 3}, TypeError, "emergence: 'straight' must be an object"),
        ({"curvature": 0}, ValueError, "emergence: unknown key 'curvature'"),
    ],
)
def test_emergence_that_was_never_saved_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        lf.Emergence.from_dict(emergence("loglog").to_dict() | change)


def test_an_infinite_statistic_is_saved():
    found = emergence("loglog")
    straight = lf.Emergence(found.straight, found.curved, math.inf, 0.0, "loglog")
    assert lf.Emergence.from_json(straight.to_json()) == straight
