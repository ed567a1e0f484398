"""Saved fits that are damaged, hostile or too large: rows E21 to E25, E31 and E32."""

import ast
import copy
import json
import pickle
import re
import subprocess
import sys
import textwrap
from importlib.resources import files

import numpy as np
import pytest

import lawfit as lf
from lawfit import _json

X = np.geomspace(1, 1e4, 30)
TABLE = {"x": X, "y": 2 * X**-0.3 + 1.5 + 0.001 * np.sin(X), "g": np.arange(30) % 2}
FIT = lf.fit("power", TABLE)
GROUPED = lf.fit("power", TABLE, by="g", shared=["b"])
TEXT = FIT.to_json()
SAVED = {"fit": (lf.Fit, TEXT), "grouped fit": (lf.GroupedFit, GROUPED.to_json())}

kinds = pytest.mark.parametrize(("kind", "text"), SAVED.values(), ids=SAVED)


def refused(text, message, kind=lf.Fit):
    with pytest.raises(ValueError, match=message):
        kind.from_json(text)


def run(code, **options):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@kinds
def test_what_was_saved_is_read(kind, text):
    fit = kind.from_json(text)
    assert fit == (FIT if kind is lf.Fit else GROUPED)
    assert kind.from_json(text.encode()) == fit
    assert kind.from_json(bytearray(json.dumps(json.loads(text), indent=1), "utf-8")) == fit
    assert fit.to_json() == text


# E21: cut off


@kinds
def test_e21_cut_off_anywhere(kind, text):
    for end in [*range(1, len(text), 41), len(text) - 1]:
        refused(text[:end], r"this is no JSON: .* line 1 column \d+", kind)
    refused("", "no JSON: Expecting value: line 1 column 1", kind)
    refused(text + text, f"no JSON: Extra data: line 1 column {len(text) + 1}", kind)
    refused(text + "\n{", "no JSON: Extra data: line 2 column 1", kind)


def test_e21_bytes_that_are_no_text():
    refused(b'{"law": "\xff"}', "fit: byte 9 is no UTF-8: invalid start byte")
    refused(TEXT.encode("utf-16"), "fit: byte 0 is no UTF-8")
    refused(b"\xef\xbb\xbf" + TEXT.encode(), "no JSON: Unexpected UTF-8 BOM")
    refused(TEXT.replace(" ", "\0", 1), "this is no JSON")
    for kind in (None, 3, json.loads(TEXT)):
        with pytest.raises(TypeError, match=r"fit is .*; expected JSON text"):
            lf.Fit.from_json(kind)


# E22: numbers that JSON lacks


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_e22_bare_tokens(token):
    text = TEXT.replace('"objective": ', f'"objective":\n  {token}, "was": ', 1)
    refused(
        text, f'fit: line 2, column 3: {token} is no number of JSON; expected the text "{token}'
    )
    record = json.loads(TEXT)
    record["condition"] = token
    assert str(lf.Fit.from_json(json.dumps(record)).condition) == str(float(token))
    record["message"] = f"{token}: \\{token} "  # within a text it is text
    assert lf.Fit.from_json(json.dumps(record)).message == record["message"]


@pytest.mark.parametrize("token", ["1e999", "-1e400", "1" + 400 * "0" + ".0"])
def test_e22_numbers_beyond_float64(token):
    text = TEXT.replace('"objective": ', f'"objective": {token}, "was": ', 1)
    refused(text, f"fit: '{re.escape(token[:79])}.*' is beyond float64")


# E23: keys that come twice


def test_e23_a_key_that_comes_twice():
    first = TEXT.replace('"rank": ', '"rank": 1, "rank": ', 1)
    refused(first, "fit: key 'rank' comes twice in one object")
    refused(TEXT.replace('{"name": "b"', '{"name": "a", "name": "b"', 1), "key 'name' comes twice")
    refused('{"' + "k" * 10**6 + '": 1, "' + "k" * 10**6 + '": 2}', r"key 'k{79}…' comes twice")


def test_e23_keys_that_are_missing_or_unknown():
    for key in json.loads(TEXT):
        record = json.loads(TEXT)
        del record[key]
        refused(json.dumps(record), f"'{key}'.* missing")
    refused(TEXT.replace('"rank"', '"ranc"', 1), "unknown key 'ranc'; did you mean 'rank'")


@pytest.mark.parametrize(
    ("key", "value"),
    [("objective", "1.5"), ("rank", None), ("rank", [3]), ("free", "abc"), ("residuals", {"0": 1}),
     ("params", [1, 2, 3]), ("cov", 3), ("law", "power"), ("law", []), ("options", None),
     ("sources", [["data"]]), ("sources", [[30, "data"]]), ("training", 0), ("notes", [1])],
)  # fmt: skip
def test_e24_values_of_another_kind(key, value):
    record = json.loads(TEXT)
    record[key] = value
    with pytest.raises((TypeError, ValueError), match=key):
        lf.Fit.from_json(json.dumps(record))


# E25: too deep, too long, too much


@pytest.mark.parametrize("precision", [{}, {"a": 0.0}, {"a": 0, "b": 0, "c": 0, "d": 0}])
def test_e24_precision_of_other_parameters(precision):
    refused(json.dumps(FIT.to_dict() | {"precision": precision}), "'precision' must name the free")


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"law":'])
@pytest.mark.parametrize("limit", [1000, 10**6])
def test_e25_nesting(opening, limit):
    code = f"""
        import sys
        import lawfit as lf
        sys.setrecursionlimit({limit})
        try:
            lf.Fit.from_json({opening!r} * 200_000)
        except ValueError as error:
            print("more than 32 levels of nesting" in str(error))
        lf.Fit.from_json({TEXT!r})
    """
    assert run(code) == ["True"]


def test_e25_the_limit_of_nesting_is_exact():
    for depth, message in (
        (_json.MAX_DEPTH, "expected an object"),
        (_json.MAX_DEPTH + 1, f"line 1, column {_json.MAX_DEPTH + 1}: more than 32 levels"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            lf.Fit.from_json("[" * depth + "]" * depth)
    with pytest.raises(TypeError, match="expected an object, got list"):
        lf.Fit.from_json(
            json.dumps(["[" * 99, '\\"[[' * 99, "]"])
        )  # brackets of texts do not count


@pytest.mark.parametrize("digits", [641, 5000, 10**6])
def test_e25_numbers_of_many_digits(digits):
    for number in ("9" * digits, "-" + "9" * digits, "0." + "9" * digits, "1e" + "0" * digits):
        text = TEXT.replace('"rank": 3', f'"rank": {number}', 1)
        refused(text, f"fit: a number of {len(number)} characters, {number[:20]}…; expected at mo")
    accepted = TEXT.replace('"evaluations": ', f'"evaluations": {"9" * 600}', 1)
    assert lf.Fit.from_json(accepted).evaluations > 10**600


def test_e25_text_beyond_the_limit_takes_no_memory():
    code = f"""
        import resource
        import lawfit as lf
        def grown(text, message):
            lf.Fit.from_json({TEXT!r})
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                lf.Fit.from_json(text)
            except ValueError as error:
                assert message in str(error), error
                print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        limit = {_json.MAX_TEXT}
        grown("[1.5]" + " " * limit, "characters of JSON; expected at most 67108864")
        grown(b"[1.5]" + b" " * limit, "bytes of JSON; expected at most 67108864")
        grown("[" + "{{}}," * (2**20 + 1), "more than 1048576 objects and lists")
        grown('{{"a":' + '"' + "\\\\n" * 2**20, "no JSON: Unterminated string")
    """
    pytest.importorskip("resource")
    sizes = run(code)
    assert len(sizes) == 4
    assert max(map(int, sizes)) < 32 * 1024


@kinds
def test_e25_what_could_not_be_read_again_is_not_written(kind, text, monkeypatch):
    saved = kind.from_json(text)
    monkeypatch.setattr(_json, "MAX_TEXT", len(text))
    assert kind.from_json(saved.to_json()) == saved
    monkeypatch.setattr(_json, "MAX_TEXT", len(text) - 1)
    message = rf"fit: {len(text)} characters of JSON, of which at most {len(text) - 1} are read"
    with pytest.raises(ValueError, match=message):
        saved.to_json()
    assert pickle.loads(pickle.dumps(saved)) == kind.from_dict(saved.to_dict()) == saved


@pytest.mark.parametrize("names", [101, 10_000])
def test_e25_more_parameters_than_a_law_may_have(names):
    record = json.loads(TEXT)
    record["law"]["parameters"] = [{"name": f"p{k}"} for k in range(names)]
    refused(json.dumps(record), "more than 100 parameters")


def test_e25_messages_stay_short():
    long = "x" * 10**6
    for key in ("sources", "law", "params", "free", "rank", "cov", "options", "profile"):
        record = json.loads(TEXT)
        record[key] = [long] * 3
        with pytest.raises((TypeError, ValueError)) as caught:
            lf.Fit.from_json(json.dumps(record))
        assert len(str(caught.value)) < 1000, key


# E31: nothing is unpickled


FORBIDDEN = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def modules():
    root = files("lawfit")
    pending = [root]
    while pending:
        for entry in pending.pop().iterdir():
            if entry.is_dir():
                pending.append(entry)
            elif entry.name.endswith(".py"):
                yield entry.name, ast.parse(entry.read_text(encoding="utf-8"))


def test_e31_the_package_neither_unpickles_nor_executes():
    read = 0
    for name, tree in modules():
        read += 1
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {alias.name.partition(".")[0] for alias in node.names} & FORBIDDEN, name
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in FORBIDDEN, name
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), name
            elif isinstance(node, ast.Attribute):
                # of numpy and pandas: numpy's load would need allow_pickle=False, and a test of it
                assert node.attr not in ("load", "read_pickle", "fromfile"), name
    assert read > 60


def canary():
    raise AssertionError("a pickle was run")


class Canary:
    def __reduce__(self):
        return canary, ()


@kinds
def test_e31_a_pickle_for_a_fit_is_not_run(kind, text):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps({"law": Canary(), "text": text}, protocol)
        with pytest.raises(ValueError, match=r"no JSON|no UTF-8"):
            kind.from_json(content)
        with pytest.raises((TypeError, ValueError)):
            kind.from_json(json.dumps({"law": content.decode("latin-1")}))


@pytest.mark.parametrize("fit", [FIT, GROUPED], ids=["fit", "grouped fit"])
def test_e31_a_pickled_fit_is_checked_as_its_text_is(fit):
    assert pickle.loads(pickle.dumps(fit)) == copy.deepcopy(fit) == fit
    make, (state,) = fit.__reduce__()
    with pytest.raises(ValueError, match="'rank' is -1; expected a whole number from 0"):
        make({**state, "rank": -1})
    with pytest.raises(ValueError, match="unknown key 'extra'"):
        make({**state, "extra": 1})


# E32: nothing of a law is executed

HOSTILE = [
    "__import__('os').system('touch canary')",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__",
    "open('canary', 'w')",
    "(lambda: a)() * x",
    "[a for a in (1,)][0] * x",
    "f'{a}' * x",
    "a * x if a else x",
    "(b := a) * x",
    "a * x; import os",
    "a * x\nimport os",
    "exec('1') * a * x",
    "eval(a) * x",
    "a * x[0]",
    "a.real * x",
    "a @ x",
    "print(a) * x",
    "a * x #",
    "𝐞𝐯𝐚𝐥('1') * a * x",
    "exp(*a) * x",
    "exp(x=a) * x",
    "'a' * x",
    "a ** (9 ** (9 ** 9)) if 1 else x",
]


def test_e32_formulas_from_configurations_are_never_executed(tmp_path):
    code = f"""
        import json, sys
        import lawfit as lf
        lf.Law("warm", "exp(a) * x + 1", ["a"])
        record = json.loads({TEXT!r})
        events = []
        def hook(event, arguments):
            if watching and event not in ("compile", "object.__getattr__"):
                events.append((event, arguments))
        watching = False
        sys.addaudithook(hook)
        watching = True
        made = 0
        for formula in {HOSTILE!r}:
            saved = {{**record, "law": {{**record["law"], "formula": formula}}}}
            for make in (
                lambda: lf.Law("mine", formula, ["a"]),
                lambda: lf.Law("mine", "a * x + w", ["a"], where={{"w": formula}}),
                lambda: lf.Law("mine", "a * x", ["a", formula]),
                lambda: lf.Law("mine", "a * x", ["a"], y=formula),
                lambda: lf.Fit.from_dict(saved),
            ):
                try:
                    make()
                    made += 1
                except (ValueError, TypeError):
                    pass
        watching = False
        print(made, len(events), *events)
    """
    # As the name of what it predicts any line of text will do.
    assert run(code, cwd=tmp_path) == [str(sum(text.isprintable() for text in HOSTILE)), "0"]
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("formula", HOSTILE)
def test_e32_hostile_formulas_are_refused_by_name(formula):
    with pytest.raises(lf.FormulaError):
        lf.Law("mine", formula, ["a"])
    record = json.loads(TEXT)
    record["law"]["formula"] = formula
    refused(json.dumps(record), ".")
