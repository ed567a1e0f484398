"""The fuzz targets' promises, for any text: see fuzz/ and .ci/fuzz."""

import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from lawfit.formula import AREAS, FUNCTIONS, FormulaError, parse_formula

TARGETS = ("formula", "saved", "schedule")
CORPUS = Path(__file__).parent / "fuzz" / "corpus"

PIECES = [*FUNCTIONS, *AREAS, *"+-*/(),._ ", "**", "a", "b", "x", "1", "2.5", "1e5", "pi", "\x1f"]
ODD = [
    "\u05a5", "ｅｘｐ", "µ", "μ", "\x00", "\u202e", "\ud800", "９", "²", "__a", "lambda", "\n",
    "1e999", "0x1",
]  # fmt: skip


def run(name, data):
    importlib.import_module(f"target_{name}").target(data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_before(name):
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for path in inputs:
        run(name, path.read_bytes())


@given(st.lists(st.sampled_from(PIECES + ODD), max_size=40).map("".join) | st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_law_or_refused(text):
    run("formula", text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_change_to_a_saved_fit_is_read_or_refused(data):
    run("saved", data)


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_change_to_a_schedule_is_read_or_refused(data):
    run("schedule", data)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "a" + ")" * 100_000,
        "a" + "**a" * 100_000,
        "-" * 100_000 + "a",
        "a+" * 500_000 + "a",
        "a*" + "9" * 5000,
        "a*1e999",
        "a" * 1_000_000,
        "\x00" * 1000,
        "a + \ud800",
    ],
    ids=["nested", "towers", "signs", "long", "digits", "infinite", "name", "null", "surrogate"],
)
def test_hostile_formulas_are_refused_in_few_words(text):
    with pytest.raises(FormulaError) as caught:
        parse_formula(text, ["a"])
    assert len(str(caught.value)) < 400


def test_a_mark_that_belongs_to_no_letter_is_named():
    with pytest.raises(FormulaError, match="unexpected character '\u05a5'"):
        parse_formula("a + \u05a5", ["a"])


HUGE = "x" * 1_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"status": HUGE},
        {"undetermined": [HUGE]},
        {"at_bounds": {HUGE: "lower"}},
        {"at_bounds": {"a": HUGE}},
        {HUGE: 1},
        {"law": {"name": HUGE, "callable": "f"}},
        {"residuals": [[1] * 100_000]},
        {"objective": 10**600},
        {"rank": -(10**600)},
    ],
    ids=["status", "text", "key", "side", "field", "law", "list", "number", "count"],
)
def test_a_refusal_is_short_however_long_the_value(change):
    record = lf.fit("power", {"x": [1.0, 2, 3, 4], "y": [3.0, 2, 1.5, 1.4]}).to_dict()
    with pytest.raises((ValueError, TypeError)) as caught:
        lf.Fit.from_json(json.dumps(record | change))
    assert len(str(caught.value)) < 1000


def test_ints_that_python_has_no_text_for():
    with pytest.raises(ValueError, match="max_iterations is an int of 16610 bits"):
        lf.fit("power", {"x": [1.0, 2, 3, 4], "y": [3.0, 2, 1.5, 1.4]}, max_iterations=10**5000)
    with pytest.raises(TypeError, match="exact is a list; expected True or False"):
        lf.fit("power", {"x": [1.0, 2, 3, 4], "y": [3.0, 2, 1.5, 1.4]}, exact=[10**5000])


def test_group_keys_beyond_floats():
    table = {"x": [1.0, 2, 3, 4] * 2, "y": [3.0, 2, 1.5, 1.4] * 2, "g": [1] * 4 + [2] * 4}
    record = lf.fit("power", table, by="g").to_dict()
    with pytest.raises(ValueError, match="group 0 is an int of 1329 bits"):
        lf.GroupedFit.from_json(json.dumps(record | {"groups": [10**400, 2]}))


def test_a_saved_variance_below_zero():
    record = lf.fit("power", {"x": [1.0, 2, 3, 4], "y": [3.0, 2, 1.5, 1.4]}).to_dict()
    record["cov"][1][1] = -1.0
    with pytest.raises(ValueError, match=r"'cov' has a variance of -1\.0 for 'b'"):
        lf.Fit.from_json(json.dumps(record))


def test_a_saved_variance_of_a_shared_parameter_below_zero():
    table = {"x": [1.0, 2, 3, 4] * 2, "y": [3.0, 2, 1.5, 1.4] * 2, "g": [1] * 4 + [2] * 4}
    record = lf.fit("power", table, by="g", shared=["b"]).to_dict()
    with pytest.raises(ValueError, match=r"'cov' has a variance of -2\.0 for 'b'"):
        lf.GroupedFit.from_json(json.dumps(record | {"cov": [[-2.0]]}))


def test_an_exponential_may_span_the_range_of_floats():
    piece = {"shape": "exponential", "steps": 101, "start": 1e10, "end": 1e-320, "span": 100}
    rates = lf.Schedule.from_dict({"warmup": 0, "pieces": [piece]}).lr
    assert rates[0] == pytest.approx(1e10)
    assert rates[-1] == 1e-320
    assert rates[50] == pytest.approx(1e-155, rel=1e-5)
    assert (rates[1:] < rates[:-1]).all()
