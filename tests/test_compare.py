"""Fits side by side: likelihoods, scores and cross-validation against what is done by hand."""

import dataclasses
import itertools
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf
from compare_data import wavy
from fit_data import NOISY, X, annealing_curves

GOLDEN = Path(__file__).parent / "golden"
HELD = {"fixed": {"lam": 0.999}}
BLIND = lf.Law("blind", "L0 + A * (step + 1)**-b", {n: lf.Parameter(0) for n in ("L0", "A", "b")})


@pytest.fixture(scope="module")
def curves():
    return wavy()


@pytest.fixture(scope="module")
def fits(curves):
    return {"annealing": lf.fit("annealing", curves), "blind": lf.fit(BLIND, curves)}


# Scores


def test_curves_are_left_out_one_by_one(curves, fits):
    found = lf.compare(fits, curves)
    for name, law in (("annealing", "annealing"), ("blind", BLIND)):
        for i, curve in enumerate(curves):
            rest = [*curves[:i], *curves[i + 1 :]]
            want = lf.fit(law, rest).score(curve, skip_steps=100)[curve.name]
            assert found[name].cross_validated[curve.name] == want
    assert (found.best, found.criterion) == ("annealing", "cross_validated")


def test_a_profile_is_chosen_anew(curves):
    grid = {"profile": {"lam": [0.99, 0.999]}}
    fit = lf.fit("annealing", curves, bounds={"alpha": (0.1, 0.4)}, **grid)
    found = lf.compare([fit, fit], curves)
    want = lf.fit("annealing", curves[1:], bounds={"alpha": (0.1, 0.4)}, **grid)
    assert found["annealing"].cross_validated.keys() == set(curves.names)
    scored = want.score(curves[0], skip_steps=100)[curves[0].name]
    assert found["annealing"].cross_validated[curves[0].name] == scored


@pytest.mark.parametrize("frame", [False, True])
def test_a_table_is_left_out_in_folds(frame):
    table = NOISY
    if frame:
        table = pytest.importorskip("pandas").DataFrame(NOISY)
    found = lf.compare(
        [lf.fit("power", table), lf.fit("exponential", table)], table, folds=4, rng=3
    )
    parts = np.array_split(np.random.default_rng(3).permutation(X.size), 4)
    for i, part in enumerate(parts):
        inside = np.isin(np.arange(X.size), part)
        rest = {name: column[~inside] for name, column in NOISY.items()}
        left = {name: column[inside] for name, column in NOISY.items()}
        want = lf.fit("power", rest).score(left)["data"]
        assert found["power"].cross_validated[f"fold {i + 1}"] == want
    assert found.best == "power"


def test_rows_that_are_not_finite_stay_out():
    table = {name: column.copy() for name, column in NOISY.items()}
    table["y"][3] = np.nan
    fit = lf.fit("power", table, nan_policy="omit")
    found = lf.compare([fit, fit], table, folds=5)
    assert sum(score.n for score in found["power"].cross_validated.values()) == X.size - 1


def test_held_out_points_are_those_that_all_fits_would_score(curves):
    train, test = curves[["cosine", "constant"]], curves["wsd"]
    fits = [lf.fit("annealing", train, skip_steps=skip) for skip in (None, 400)]
    found = lf.compare(fits, held_out=test)
    assert found.criterion == "held_out"
    for fit, row in zip(fits, found, strict=True):
        assert row.held_out["wsd"] == fit.score(test, skip_steps=400)["wsd"]
    assert found.best == min(found, key=lambda row: row.held_out["wsd"].MAE).name
    assert "was fitted to other points" in found.warnings[0]
    assert all(math.isnan(row.AIC) for row in found)


def test_held_out_goes_before_cross_validation(curves):
    train = curves[["cosine", "constant"]]
    fits = [lf.fit("annealing", train), lf.fit(BLIND, train)]
    found = lf.compare(fits, train, held_out=curves["wsd"])
    assert (found.best, found.criterion) == ("annealing", "held_out")
    again = lf.compare(fits, held_out=curves[["cosine", "wsd"]])
    assert "held out is curve 'cosine'" in again.warnings[0]
    table = lf.compare([lf.fit("power", NOISY)] * 2, held_out=NOISY)
    assert table["power"].held_out["data"] == lf.fit("power", NOISY).score(NOISY)["data"]


def test_what_a_part_leaves_open_is_said(curves):
    train = curves[["cosine", "constant"]]
    found = lf.compare([lf.fit("annealing", train), lf.fit(BLIND, train)], train)
    assert set(found["annealing"].cross_validated) == {"constant"}
    assert set(found["blind"].cross_validated) == {"cosine", "constant"}
    assert (
        "'annealing' without 'cosine': the others leave C open; not scored there" in found.warnings
    )
    # means are over the curve that both were scored on
    scored = [row.cross_validated["constant"].MAE for row in found]
    assert found.best == ["annealing", "blind"][int(np.argmin(scored))]


def test_a_part_that_leaves_too_few_points_is_said():
    table = {"x": [1.0, 2, 4, 8, 16], "y": [3.0, 2.1, 1.6, 1.3, 1.2]}
    line = lf.Law("line", "a * x + b", ["a", "b"], y="y")
    found = lf.compare([lf.fit("power", table), lf.fit(line, table)], table, folds=2)
    sizes = [part.size for part in np.array_split(np.random.default_rng(0).permutation(5), 2)]
    assert sizes == [3, 2]
    said = "'power' without 'fold 1': the others have 2 points for 3 parameters; not scored there"
    assert said in found.warnings
    assert set(found["power"].cross_validated) == {"fold 2"}
    assert set(found["line"].cross_validated) == {"fold 1", "fold 2"}


def test_a_law_without_a_value_at_the_part_is_said():
    x = np.linspace(1, 10, 12)
    table = {"x": x, "y": np.sqrt(np.maximum(x - 1.3, 1e-3)) + 0.01 * np.cos(3 * x)}
    bounded = {"a": lf.Parameter(0.1), "b": lf.Parameter(-5, 5)}
    root = lf.fit(lf.Law("root", "a * (x - b)**0.5", bounded, y="y"), table, space="linear")
    low = lf.fit(root.law, {n: c[1:] for n, c in table.items()}, space="linear")
    assert low.params["b"] > 1  # so that it says nothing at 1
    found = lf.compare([root, root], table, folds=12)
    first = 1 + [*np.random.default_rng(0).permutation(12)].index(0)
    said = f"'root' without 'fold {first}': has no finite value there; not scored there"
    assert said in found.warnings
    assert len(found["root"].cross_validated) == 11


def test_what_a_python_law_raises_reaches_the_caller():
    calls = []

    def moody(x, *, a, b):
        if calls:
            raise ValueError("moody")
        return a * x + b

    fit = lf.fit(lf.CallableLaw(moody, y="y"), NOISY)
    calls.append("again")
    with pytest.raises(ValueError, match=r"^moody$"):
        lf.compare([fit, fit], NOISY)


def test_groups_are_compared_by_what_they_share(curves):
    apart = lf.fit("annealing", curves[["cosine", "wsd"]], by="name", **HELD)
    shared = lf.fit("annealing", curves[["cosine", "wsd"]], by="name", shared=["C", "L0"], **HELD)
    found = lf.compare({"apart": apart, "shared": shared}, curves[["cosine", "wsd"]])
    assert [row.free for row in found] == [8, 6]
    assert found.criterion == "AIC"
    assert "'apart' is not cross-validated: a fit with groups" in found.warnings
    whole = lf.fit("annealing", curves[["cosine", "wsd"]], **HELD)
    both = lf.compare([whole, shared])
    assert not any("other" in text for text in both.warnings)
    scored = [one.training for one in shared.values()]
    assert both["annealing (2)"].training.MAE == pytest.approx(np.mean([s.MAE for s in scored]))


def test_groups_of_a_table_are_that_table():
    table = {"x": np.tile(X, 2), "y": np.tile(NOISY["y"], 2), "size": np.repeat([1.0, 2.0], X.size)}
    apart, whole = lf.fit("power", table, by="size"), lf.fit("power", table)
    found = lf.compare({"apart": apart, "whole": whole})
    assert not any("cannot be compared" in text for text in found.warnings)
    assert (found.best, found.criterion) == ("whole", "AIC")
    assert found["apart"].log_likelihood == pytest.approx(found["whole"].log_likelihood)
    part = lf.compare([apart, lf.fit("power", NOISY)])
    assert "fitted to other points (data: 40) than 'power' (data: 80)" in part.warnings[0]


def test_groups_are_held_against_a_table_as_a_whole():
    table = {"x": np.tile(X, 2), "y": np.tile(NOISY["y"], 2), "size": np.repeat([1.0, 2.0], X.size)}
    table["y"][X.size :] += 0.1
    apart, whole = lf.fit("power", table, by="size"), lf.fit("power", table)
    later = {"x": [2e6, 4e6, 2e6], "y": [1.53, 1.52, 1.63], "size": [1.0, 1.0, 2.0]}
    found = lf.compare({"apart": apart, "whole": whole}, held_out=later)
    assert (found.best, found.criterion) == ("apart", "held_out")
    score, by_group = found["apart"].held_out["data"], apart.score(later)
    assert score.n == 3
    assert score.MAE == pytest.approx((2 * by_group["1"].MAE + by_group["2"].MAE) / 3)


# Data that differ


def test_other_points(curves, fits):
    found = lf.compare([fits["annealing"], lf.fit(BLIND, curves[:2])])
    (warning, *_) = found.warnings
    assert "'blind' was fitted to other points" in warning
    assert "cannot be compared" in warning
    assert found.best is None


def test_other_values_under_the_same_names(curves):
    other = [
        lf.Curve(c.steps, c.loss * (1 + 1e-3 * np.cos(c.steps)), c.schedule, name=c.name)
        for c in curves
    ]
    found = lf.compare([lf.fit("annealing", curves), lf.fit("annealing", other)])
    assert "was fitted to other values than 'annealing', under the same names" in found.warnings[0]
    same = lf.compare([lf.fit("annealing", curves), lf.fit("annealing", curves, delta=1e-2)])
    assert not any("values" in text for text in same.warnings)


def test_near_perfect_fits_are_not_taken_for_other_data():
    table = {"x": X, "y": 2.0 * X**-0.3 + 1.5}
    found = lf.compare([lf.fit("power", table), lf.fit("power", table, loss="squared")])
    assert not any("cannot be compared" in text for text in found.warnings)


def test_another_target():
    table = {**NOISY, "z": NOISY["y"]}
    law = lf.Law("zed", "a * x**-b + c", ["a", "b", "c"], y="z")
    found = lf.compare([lf.fit("power", NOISY), lf.fit(law, table)])
    assert "'zed' predicts z, not y" in found.warnings[0]


def test_data_that_are_not_the_fits(curves, fits):
    with pytest.raises(ValueError, match="data are not those of fit 'annealing': curve 'constant'"):
        lf.compare(fits, curves[["cosine", "wsd"]])


def test_data_of_other_values(curves, fits):
    other = [lf.Curve(c.steps, c.loss + 0.01, c.schedule, name=c.name) for c in curves]
    message = r"data are not those of fit 'annealing': its MAE is 0\.0\d+ on them, and 0\.00\d+ on"
    with pytest.raises(ValueError, match=message):
        lf.compare(fits, other)
    table = {"x": X, "y": NOISY["y"][::-1]}
    with pytest.raises(ValueError, match="data are not those of fit 'power': its MAE"):
        lf.compare([lf.fit("power", NOISY)] * 2, table)


def test_data_in_another_order_are_the_same(curves, fits):
    assert lf.compare(fits, curves[::-1])["blind"].cross_validated.keys() == set(curves.names)


# What else it says


def test_close_criteria_decide_little(fits):
    other = dataclasses.replace(
        fits["annealing"], objective=fits["annealing"].objective * (1 + 1e-10)
    )
    found = lf.compare({"a": fits["annealing"], "b": other})
    assert any("AIC does not tell 'b' from 'a'" in text for text in found.warnings)


def test_neighbours_that_are_alike_are_said():
    slow = [
        lf.Curve(c.steps, c.loss * (1 + 2e-3 * np.sin(c.steps / 100)), c.schedule, name=c.name)
        for c in annealing_curves(every=20)
    ]
    warned = lf.compare([lf.fit("annealing", slow)] * 2).warnings
    assert any("points for one independent one" in text for text in warned)
    quick = lf.compare([lf.fit("annealing", wavy())] * 2).warnings
    assert not any("independent" in text for text in quick)


def test_a_fit_that_did_not_converge_is_not_the_best(curves, fits):
    short = lf.fit("annealing", curves, max_iterations=1, starts=1)
    assert not short.success
    found = lf.compare({"short": short, **fits})
    assert found.best == "annealing"
    assert any("'short' ended as 'max_iterations'" in text for text in found.warnings)
    assert "max_iterations" in str(found)


def test_a_fit_that_ended_without_a_value_has_no_weights():
    late = lf.fit("power", NOISY, timeout=1e-9)
    assert math.isnan(late.objective)
    found = lf.compare({"late": late, "power": lf.fit("power", NOISY)}, NOISY)
    assert found.warnings == ("'late' ended as 'timeout' and is not considered",)
    assert found["late"].cross_validated == found["power"].cross_validated


def test_of_those_that_are_alike_the_first_is_best():
    more = lf.Law("more", "a * x**-b + c + d * log(x)", ["a", "b", "c", "d"], y="y")
    for fits in itertools.permutations(
        [
            lf.fit("power", NOISY, loss="squared"),
            lf.fit(more, NOISY, loss="squared", fixed={"d": 0.0}),
        ]
    ):
        found = lf.compare(fits, NOISY)
        first, second = (fit.law.name for fit in fits)
        assert (found.best, found.criterion) == (first, "cross_validated")
        assert f"'{second}' is as good, by mean MAE of cross-validation" in found.warnings


def test_a_saved_fit_compares_the_same(curves, fits):
    saved = {name: lf.Fit.from_json(fit.to_json()) for name, fit in fits.items()}
    assert str(lf.compare(saved, curves)) == str(lf.compare(fits, curves))


def test_a_saved_fit_keeps_the_bounds_it_sits_at(curves, fits):
    for end in ((0.1, 0.3), (0.7, 0.9)):
        fit = lf.fit("annealing", curves, bounds={"alpha": end})
        assert fit.at_bounds
        saved = lf.Fit.from_json(fit.to_json())
        found = lf.compare({"fit": fit, "saved": saved}, curves)
        scores = [row.cross_validated.mean() for row in found]
        assert scores[0] == pytest.approx(scores[1], rel=1e-9)


def test_names(fits):
    one = fits["annealing"]
    assert [row.name for row in lf.compare([one, one, one])] == [
        "annealing", "annealing (2)", "annealing (3)"
    ]  # fmt: skip
    found = lf.compare(fits)
    assert len(found) == 2
    with pytest.raises(ValueError, match=r"name 'anealing' is unknown; did you mean 'annealing'"):
        found["anealing"]
    with pytest.raises(AttributeError):
        found.best = "blind"


def test_text_and_html(curves, fits):
    train = curves[["cosine", "constant"]]
    few = {name: lf.fit(fit.law, train) for name, fit in fits.items()}
    found = lf.compare(few, train, held_out=curves["wsd"])
    for suffix, text in (("txt", str(found)), ("html", found._repr_html_())):
        path = GOLDEN / f"compare.{suffix}"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text + "\n")
        assert text + "\n" == path.read_text()


def test_json_values(curves, fits):
    found = lf.compare(fits, curves)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["name"] for row in values["rows"]] == ["annealing", "blind"]
    scored = values["rows"][0]["cross_validated"]["wsd"]
    assert scored["MAE"] == found["annealing"].cross_validated["wsd"].MAE
    assert (values["best"], values["criterion"]) == (found.best, found.criterion)
    lost = lf.compare([fits["annealing"], lf.fit(BLIND, curves[:2])])
    assert lost.to_dict()["rows"][0]["AIC"] == "NaN"


def test_hostile_names_stay_text(fits):
    hostile = "<script>alert(1)</script>\x1b[2J\n"
    found = lf.compare({hostile: fits["annealing"], "b": fits["blind"]})
    assert "<script" not in found._repr_html_()
    assert "\x1b" not in found._repr_html_() + str(found)
    assert "&lt;script&gt;" in found._repr_html_()


# Refusals


@pytest.mark.parametrize(
    ("fits", "options", "error", "message"),
    [
        ("both", {"folds": 1}, ValueError, "folds is 1"),
        ("both", {"folds": 41, "data": NOISY}, ValueError, "folds is 41; data have 40 rows"),
        ("both", {"folds": 5}, ValueError, "folds is 5, but there are no data"),
        ("both", {"rng": -1}, ValueError, "rng is -1"),
        ("both", {"threads": 0}, ValueError, "threads is 0"),
        ("both", {"fold": 3}, TypeError, "did you mean 'folds'"),
        ("one", {}, ValueError, "fits has 1; expected at least 2"),
        ("bare", {}, TypeError, "fits is a Fit; expected several"),
        ("none", {}, TypeError, "fits: index 1 is a NoneType; expected a Fit"),
        ("number", {}, TypeError, "fits: name 3 is a int; expected text"),
    ],
)
def test_refusals(fits, options, error, message):
    fit = lf.fit("power", NOISY)
    given = {
        "both": [fit, fit], "one": [fit], "bare": fit, "none": [fit, None], "number": {3: fit}
    }  # fmt: skip
    with pytest.raises(error, match=message):
        lf.compare(given[fits], **options)


def test_one_curve_cannot_be_left_out(curves):
    fit = lf.fit("annealing", curves["wsd"])
    with pytest.raises(ValueError, match="data has 1 curve"):
        lf.compare([fit, fit], curves["wsd"])


def test_curves_that_can_be_read_only_once(curves, fits):
    want = lf.compare(fits, curves, held_out=curves[:1])
    assert str(lf.compare(fits, iter(curves), held_out=iter(curves[:1]))) == str(want)


def test_curves_have_no_folds(curves, fits):
    with pytest.raises(ValueError, match="folds is 2, but curves are left out one by one"):
        lf.compare(fits, curves, folds=2)


def test_any_number_of_threads_gives_the_same(curves, fits):
    texts = {str(lf.compare(fits, curves, threads=threads)) for threads in (1, 2)}
    assert len(texts) == 1
