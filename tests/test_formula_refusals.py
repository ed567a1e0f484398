"""Formulas that are refused, and where the message points."""

import contextlib
import pickle
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lawfit.formula import FormulaError, parse_formula

PARAMETERS = ("a", "b", "alpha")


def parse(text, parameters=None, columns=None):
    if parameters is None:
        parameters = [p for p in PARAMETERS if re.search(rf"\b{p}\b", text)]
    return parse_formula(text, parameters, columns)


# Refusals

REFUSED = [  # text, where (the piece the caret stands under), message
    ("__import__('os').system('x')", "__import__", "two underscores"),
    ("a.__class__", "__class__", "two underscores"),
    ("a + x.real", "x.", "attributes"),
    ("a[0]", "[", "subscripts"),
    ("lambda x: a", "lambda", "reserved word.*call it 'lam'"),
    ("[a for a in x]", "[", "lists"),
    ("exp(a for a in x)", "for", "reserved word"),
    ("(x := a)", ":", "unexpected character"),
    ("f'{a}'", "'", "quotes"),
    ("a < x", "<", "compare"),
    ("a == x", "=", "one expression"),
    ("x if a else b", "if", "reserved word"),
    ("a and b", "and", "reserved word"),
    ("not a", "not", "reserved word"),
    ("a @ b", "@", "not an operator"),
    ("a // b", "//", "write /"),
    ("a % b", "%", "not an operator"),
    ("a ^ b", "^", r"write \*\*"),
    ("a | b", "|", "unexpected character"),
    ("~a", "~", "unexpected character"),
    ("a; b", ";", "unexpected character"),
    ("a # sum", "#", "comments"),
    ("a \\\n + b", "\\", "unexpected character"),
    ("await a", "await", "reserved word"),
    ("a + 1j", "1j", "complex"),
    ("a + 1.5j", "5j", "complex"),
    ("a * True", "True", "reserved word"),
    ("a * None", "None", "reserved word"),
    ("a + ...", "...", "real numbers"),
    ("a + 'b'", "'", "quotes"),
    ('a + "b"', '"', "quotes"),
    ("exp(x=a)", "=", "one expression"),
    ("exp(*a)", "*", "unpacked"),
    ("exp(**a)", "**a", "no names"),
    ("exp()", "exp", "takes 1 argument, got 0"),
    ("exp(a, b)", "exp", "takes 1 argument, got 2"),
    ("maximum(a)", "maximum", "takes 2 arguments, got 1"),
    ("(a, b)", "(", "comma"),
    ("a*S2()", "S2", "takes 1 argument"),
    ("a*S2(x)", "x", "parameters and numbers only"),
    ("a*S2(S1)", "S1", "parameters and numbers only"),
    ("a*S2(alfa)+alpha", "alfa", "did you mean 'alpha'"),
    ("a*S2(1.5)", "1.5", r"lie in \[0, 1\)"),
    ("a*S1(b)", "S1", "S1 takes no arguments"),
    ("a(b+1)", "a(", r"'a' is not a function; is a \* missing"),
    ("2(a)", "2", r"is a \* missing"),
    ("a*(x)(2)", "(x", r"unknown function 'x'"),
    ("2a", "2a", r"is a \* missing"),
    ("0x10*a", "0x10", "neither a number"),
    ("a b", "b", "operator such as"),
    ("(a", "(", "never closed"),
    ("a)", ")", "unmatched"),
    ("a +", None, "cannot be read"),
    ("a * / b", "/", "cannot be read"),
    ("eval(a)", "eval", "unknown function 'eval'"),
    ("exq(a)", "exq", "unknown function 'exq'; did you mean 'exp'"),
    ("LOG(a)", "LOG", "did you mean 'log'"),
    ("exp + a", "exp", r"write exp\(\.\.\.\)"),
    ("x**-alpa + alpha", "alpa", "unknown name 'alpa'; did you mean 'alpha'.*list it in columns="),
    ("alpha + Alpha", "Alpha", "did you mean 'alpha'.*list it in columns="),
    ("a*s1", "s1", "did you mean 'S1'"),
    ("a*PI", "PI", "did you mean 'pi'"),
    ("a/0", "0", "division by zero"),
    ("a/(1-1)", "1-1", "division by zero"),
    ("a + 1e308*10", "1e308", "not a finite real number"),
    ("a + (-8)**(1/3)", "(-8", "not a finite real number"),
    ("a + 0**-1", "0**", "not a finite real number"),
    ("a + 1e400", "1e400", "too large"),
    ("a + " + "9" * 350, "9", "too large"),
    ("a + " + "9" * 5000, "9", "5000 digits"),
    ("a*" + "x" * 65, "x", "65 characters"),
    ("a − b", "−", "typographic minus"),
    ("a·x", "·", r"write \*"),
    ("a*x²", "x²", r"write \*\*2"),
    ("a\0", "\0", r"U\+0000"),
    ("a + \ud800", "\ud800", r"U\+D800"),
    ("η + π*a + α.β", "α.β", "attributes"),
    (" \n λ + q(a)", "q", "unknown function"),
    ("\u00a0\u00a0q\u00a0+ v(a)", "v", "unknown function"),
    ("", None, "empty"),
    (" \n", None, "empty"),
    ("(" * 200_000 + "a" + ")" * 200_000, None, "400001 characters"),
    ("(" * 150 + "a" + ")" * 150, None, "nested more than 100"),
    ("exp(" * 101 + "a" + ")" * 101, None, "nested more than 100"),
    ("-" * 150 + "a", None, "nested more than 100"),
    ("-" * 9_999 + "a", None, "at most 1000 operators"),
    ("a" + "**a" * 150, None, "nested more than 100"),
    ("a" + "+a" * 4_999, None, "at most 1000 operators"),
    ("a" + "**a" * 999, None, "nested more than 100"),
    ("a" + "**a" * 3_000, None, "at most 1000 operators"),
    ("a+" * 500_000 + "a", None, "1000001 characters"),
    ("+".join(f"x{i}" for i in range(150)) + "+a", None, "more than 100 columns"),
]


@pytest.mark.parametrize(
    ("text", "place", "message"), REFUSED, ids=[ascii(row[0][:40]) for row in REFUSED]
)
def test_refusal(text, place, message):
    began = time.perf_counter()
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert time.perf_counter() - began < 0.5
    error = caught.value
    assert re.search(message, str(error))
    assert len(str(error)) < 500
    assert error.formula == text
    if place is not None:
        assert error.position == text.index(place)
    if error.position is not None:
        shown, caret = str(error).splitlines()[-2:]
        assert caret.endswith("^")
        under = shown[len(caret) - 1 : len(caret)]
        here = text[error.position]
        assert under == (here if here.isprintable() else " ")


def test_nothing_is_executed(tmp_path):
    canary = tmp_path / "canary"
    for text in (
        f"__import__('pathlib').Path({str(canary)!r}).touch()",
        f"open({str(canary)!r}, 'w')",
        f"exec('open({str(canary)!r}, chr(119))')",
        f"(lambda: open({str(canary)!r}, 'w'))()",
    ):
        with pytest.raises(FormulaError):
            parse_formula(text, ["a"])
    assert not canary.exists()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab12.()+-*/ ,SXepxif_jλ²\n\0[]=:'\"", max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(FormulaError):
        parse_formula(text, ())


def test_message_points_at_the_place():
    with pytest.raises(FormulaError) as caught:
        parse_formula("L0 + A * S1**-alfa", ["L0", "A", "alpha"])
    assert str(caught.value).splitlines() == [
        "unknown name 'alfa'; did you mean 'alpha'?",
        "    L0 + A * S1**-alfa",
        "                  ^",
    ]


def test_error_pickles():
    with pytest.raises(FormulaError) as caught:
        parse("a + q(x)")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert (copy.formula, copy.position) == ("a + q(x)", 4)


@pytest.mark.parametrize(
    ("parameters", "columns", "error", "message"),
    [
        (["a", "c"], None, FormulaError, "parameter 'c' does not appear"),
        (["a"], ["x", "N"], FormulaError, "column 'N' does not appear"),
        (["a"], ["N"], FormulaError, "unknown name 'x'"),
        (["a"], ["X"], FormulaError, "did you mean 'X'"),
        (["a", "a"], None, ValueError, "declared twice"),
        (["a", "x"], ["x"], ValueError, "both as a parameter and as a column"),
        (["a", "log"], None, ValueError, "log is a function"),
        (["a", "S1"], None, ValueError, "S1 is an area"),
        (["a", "pi"], None, ValueError, "taken"),
        (["a", "if"], None, ValueError, "reserved word"),
        (["a", "1b"], None, ValueError, "not a name"),
        (["a", ""], None, ValueError, "not a name"),
        (["a", "b c"], None, ValueError, "not a name"),
        (["a", "__b"], None, ValueError, "two underscores"),
        (["a"], ["exp"], ValueError, "exp is a function"),
        (["a", 1], None, TypeError, "must be text"),
        ("a", None, TypeError, "list of names"),
        ({"a"}, None, TypeError, "a set has none"),
        ((f"p{i}" for i in range(10**9)), None, ValueError, "more than 100"),
    ],
)
def test_declarations_refused(parameters, columns, error, message):
    with pytest.raises(error, match=message):
        parse_formula("a*x", parameters, columns)


def test_a_listed_column_may_look_like_a_parameter():
    assert parse_formula("a*A**-b", ["a", "b"], ["A"]).columns == ("A",)


def test_formula_must_be_text():
    with pytest.raises(TypeError, match="must be text, got int"):
        parse_formula(3, ["a"])
