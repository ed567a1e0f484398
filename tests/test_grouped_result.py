"""What a fit across groups can be asked: its groups, predictions, scores, a record, text."""

import copy
import json
import pickle
import re

import numpy as np
import pytest

import lawfit as lf
from fit_data import SCHEDULES, X, bits
from grouped_data import SIZES, across, curves, table


@pytest.fixture(scope="module")
def noisy():
    return across(curves(noise=1e-3))


def test_mapping(noisy):
    assert len(noisy) == 3
    assert 1_000_000 in noisy
    assert 1e9 not in noisy
    assert noisy.items()[1] == (1e7, noisy[1e7])
    assert noisy.n == sum(fit.n for fit in noisy.values())
    assert noisy.objective == pytest.approx(sum(fit.objective for fit in noisy.values()), rel=1e-12)
    with pytest.raises(ValueError, match=r"group 20000000\.0 is unknown; the nearest are 1e\+07"):
        noisy[2e7]
    text = lf.fit("power", table(), by="set", shared=["b"])
    with pytest.raises(ValueError, match="group 'aa' is unknown; the nearest is 'a', of 3 groups"):
        text["aa"]


# Prediction and scores


def test_a_curve_is_predicted_by_its_group(noisy):
    for curve in curves():
        own = noisy[curve.params]
        np.testing.assert_array_equal(noisy.predict(curve), own.predict(curve))
        np.testing.assert_array_equal(
            noisy.predict(curve, at=[2000, 150]), own.predict(curve, at=[2000, 150])
        )
    schedule = SCHEDULES["constant"]
    np.testing.assert_array_equal(
        noisy.predict(schedule, at=[2999], group=1e7), noisy[1e7].predict(schedule, at=[2999])
    )
    other = noisy.predict(curves()[0], group=1e8)
    np.testing.assert_array_equal(other, noisy[1e8].predict(curves()[0]))


def test_scores(noisy):
    scores = noisy.score(curves())
    assert list(scores) == [curve.name for curve in curves()]
    assert scores["wsd 1e+08"] == noisy[1e8].score(curves()[-1])["wsd 1e+08"]
    assert scores.mean().R2 > 0.999
    data = table(1e-3)
    fit = lf.fit("power", data, by="set", shared=["b"])
    scored = fit.score(data)
    assert list(scored) == ["a", "b", "c"]
    for key, one in fit.items():
        assert scored[key] == pytest.approx(one.training, rel=1e-9)


# Refusals


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"by": None}, ValueError, "shared needs by"),
        ({"by": "size"}, ValueError, "curve 'cosine 1e+06': by 'size' is unknown; .*'params'"),
        ({"by": 3}, TypeError, "by is 3; expected a name, or a function of a curve"),
        ({"by": lambda c: None}, TypeError, "curve 'cosine 1e+06': its group is None; expected"),
        ({"by": lambda c: True}, TypeError, "its group is True; expected a text or a number"),
        ({"by": lambda c: np.nan}, ValueError, "its group is nan; expected a finite number"),
        ({"shared": "alpha"}, TypeError, "shared is 'alpha'; expected the names of parameters"),
        ({"shared": ["alfa"]}, ValueError, "no parameter 'alfa'; did you mean 'alpha'"),
        ({"shared": [3]}, ValueError, "no parameter 3"),
        ({"starts": {"L0": 1}}, TypeError, "takes a number of starts, not values"),
        ({"starts": [[1, 1]]}, TypeError, "takes a number of starts, not values"),
        ({"starts": 0}, ValueError, "starts is 0"),
    ],
)
def test_refused_options(how, error, message):
    with pytest.raises(error, match=message.replace("+", r"\+").replace("[", r"\[")):
        across(**how)


def test_refused_data():
    nameless, *others = curves()
    bare = lf.Curve(nameless.steps, nameless.loss, nameless.schedule, name="bare")
    with pytest.raises(ValueError, match="curve 'bare': params is None, so its group is unknown"):
        across([bare, *others])
    varying = np.arange(len(bare.steps), dtype=float)
    log = lf.Curve(bare.steps, bare.loss, bare.schedule, name="log", columns={"k": varying})
    with pytest.raises(ValueError, match="curve 'log': k at index 1 is 1 and at index 0 0"):
        across([log], by="k")
    with pytest.raises(ValueError, match="data: by: column 'sett' is missing; did you mean 'set'"):
        lf.fit("power", table(), by="sett", shared=["b"])
    with pytest.raises(TypeError, match="rows of a table are grouped by the name of a column"):
        lf.fit("power", table(), by=lambda row: row, shared=["b"])
    broken = table() | {"set": ["a", None, *["b"] * (3 * X.size - 2)]}
    with pytest.raises(TypeError, match="data: set at index 1 is None; expected a text or"):
        lf.fit("power", broken, by="set", shared=["b"])
    short = table() | {"set": ["a"] * 7}
    with pytest.raises(ValueError, match="data: set has 7 values for 120 rows"):
        lf.fit("power", short, by="set", shared=["b"])
    few = {name: values[: X.size + 1] for name, values in table().items()}
    with pytest.raises(
        ValueError, match="data, group 'b': 2 own parameters need >= 2 points, got 1"
    ):
        lf.fit("power", few, by="set", shared=["b"])
    few = {name: values[[0, 1, X.size, X.size + 1]] for name, values in table().items()}
    with pytest.raises(ValueError, match="data: 5 parameters need >= 5 points, got 4"):
        lf.fit("power", few, by="set", shared=["b"])


def test_refused_predictions(noisy):
    with pytest.raises(TypeError, match="a Schedule belongs to no group; give group="):
        noisy.predict(SCHEDULES["wsd"])
    stranger = curves(sizes={2e7: SIZES[1e7]})
    with pytest.raises(ValueError, match=r"group 20000000\.0 is unknown; the nearest are 1e"):
        noisy.score(stranger)
    function = across(by=lambda curve: curve.name)
    with pytest.raises(TypeError, match="its group is unknown, since the groups were made by a f"):
        function.predict(curves()[0])
    with pytest.raises(TypeError, match="columns belong to no group"):
        function.score({"loss": [1.0]})


# A record


def test_round_trips(noisy):
    profiled = lf.fit(
        "annealing", curves(1e-3), by="name", shared=["alpha"], profile={"lam": [0.99, 0.998]}
    )
    text = lf.fit("power", table(1e-3), by="set")
    for fit in (noisy, profiled, text):
        saved = fit.to_json()
        assert json.loads(saved, parse_constant=pytest.fail) == fit.to_dict()
        for again in (
            lf.GroupedFit.from_json(saved),
            pickle.loads(pickle.dumps(fit)),
            copy.deepcopy(fit),
        ):
            assert again == fit
            assert hash(again) == hash(fit)
            assert again.cov.tobytes() == fit.cov.tobytes()
            assert again.summary() == fit.summary()
            assert [bits(one) for one in again.values()] == [bits(one) for one in fit.values()]
    assert noisy != profiled
    assert noisy != 3


def test_nothing_can_be_set(noisy):
    with pytest.raises(AttributeError):
        noisy.objective = 0.0
    with pytest.raises(TypeError):
        noisy.params["alpha"] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        noisy.cov[0] = 0.0
    with pytest.raises(TypeError):
        noisy[1e6] = noisy[1e7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "grouped fit: format 99 is unknown"),
        ({"extra": 1}, "grouped fit: unknown key 'extra'"),
        ({"groups": ["a", "b"]}, "'groups' and 'fits' must be alike in number"),
        ({"groups": ["a", "a", "b"]}, "keys differ"),
        ({"shared": ["x"]}, "'shared' names 'x'"),
        ({"cov": [[1.0, 2.0]]}, r"'cov' must have shape \(1, 1\)"),
        ({"status": "fine"}, "grouped fit: status 'fine' is unknown"),
        ({"objective": None}, "'objective' must be a number"),
    ],
)
def test_json_is_read_with_care(change, message):
    saved = lf.fit("power", table(1e-3), by="set", shared=["b"], starts=1).to_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        lf.GroupedFit.from_dict(saved | change)
    with pytest.raises(ValueError, match="grouped fit: this is no JSON"):
        lf.GroupedFit.from_json("{")
    other = lf.fit("power", table(1e-3), fixed={"b": 0.3}).to_dict()
    with pytest.raises(ValueError, match="'fits' must be of one law and its same free parameters"):
        lf.GroupedFit.from_dict(saved | {"fits": [*saved["fits"][:2], other]})
    del saved["fits"]
    with pytest.raises(ValueError, match="grouped fit: key 'fits' is missing"):
        lf.GroupedFit.from_dict(saved)


def test_text(noisy):
    assert re.match(
        r"<GroupedFit 'annealing' by params: 3 groups; shared alpha=0\.\d+", repr(noisy)
    )
    lines = noisy.summary().splitlines()
    assert lines[0].startswith("annealing: loss = L0")
    assert any(re.match(r"  alpha +0\.\d+ +\d", line) for line in lines)
    assert any(re.match(r"  1e\+07 +146 +2\.\d+", line) for line in lines)
    assert sum(line.startswith("note: lam is free") for line in lines) == 1
    many = lf.fit(
        "power", table(1e-3, dict.fromkeys(range(22), (2.0, 1.5))), by="set", shared=["b"]
    )
    assert "  … and 2 more" in many.summary()
    bound = lf.fit("power", table(), by="set", shared=["b"], bounds={"c": (0, 1.3), "b": (0.2, 1)})
    assert "c at its upper bound" in bound.summary()


def test_groups_of_near_numbers_are_told_apart():
    near = {"set": np.repeat([1234567.0, 1234568.0, 2.5], X.size)}
    fit = lf.fit("power", table() | near, by="set")
    assert list(fit.score(table() | near)) == ["1234567.0", "1234568.0", "2.5"]
    assert "1234567.0" in fit.summary()
    with pytest.raises(ValueError, match=r"nearest are 1234567\.0, 1234568\.0, 2\.5$"):
        fit[1234567.5]
