"""Formulas typeset: nothing of their meaning is lost."""

import re
from xml.etree import ElementTree

import pytest

import lawfit as lf
from lawfit.report.mathml import equations, symbol
from outline import Outline


def flat(node):
    """Write MathML on one line: x^{y}, x_{i}, {a}/{b}."""
    parts = [flat(child) for child in node]
    inner = "".join(parts) if parts else (node.text or "")
    shapes = {
        "mfrac": "{{{}}}/{{{}}}",
        "msup": "{}^{{{}}}",
        "msub": "{}_{{{}}}",
        "msubsup": "{}_{{{}}}^{{{}}}",
        "msqrt": "√{{{}}}",
    }
    return shapes[node.tag].format(*parts) if node.tag in shapes else inner


def typeset(law):
    text = equations(law).replace("&InvisibleTimes;", " ")
    found = re.findall(r"<math.*?</math>", text)
    return [flat(ElementTree.fromstring(math)) for math in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("L0", "<msub><mi>L</mi><mi>0</mi></msub>"),
        ("alpha", "<mi>α</mi>"),
        ("lam", "<mi>λ</mi>"),
        ("alpha_N", "<msub><mi>α</mi><mi>N</mi></msub>"),
        ("Linf", "<msub><mi>L</mi><mi>∞</mi></msub>"),
        ("b2_1", "<msub><mi>b</mi><mi>2,1</mi></msub>"),
        ("loss", "<mi>loss</mi>"),
        ("_x", "<mi>_x</mi>"),
    ],
)
def test_symbols(name, expected):
    assert symbol(name) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a - (b - c)", "a−(b−c)"),
        ("a - b - c", "a−b−c"),
        ("(a - b) + c", "a−b+c"),
        ("a*(b + c)", "a (b+c)"),
        ("(a*b)**c", "(a b)^{c}"),
        ("a**b**c", "a^{b^{c}}"),
        ("(a**b)**c", "(a^{b})^{c}"),
        ("a/b + c", "{a}/{b}+c"),
        ("a/(b + c)", "{a}/{b+c}"),
        ("a/b/c", "{{a}/{b}}/{c}"),
        ("a**(-(b + c))", "a^{−(b+c)}"),
        ("a**-b*c", "a^{−b} c"),
        ("a**(b/c)", "a^{b/c}"),
        ("a**-(b/c)", "a^{−b/c}"),
        ("a**((b + c)/b)", "a^{(b+c)/b}"),
        ("-a**b + c", "−a^{b}+c"),
        ("(-a)**b + c", "(−a)^{b}+c"),
        ("a*-b*c", "a (−b) c"),
        ("a - -b*c", "a−(−b) c"),
        ("sqrt(a*b) + abs(c)", "√{a b}+|c|"),
        ("exp(a) - b*c", "e^{a}−b c"),
        ("a*b*log(c)", "a b·log(c)"),
        ("maximum(a, b + c)", "maximum(a,b+c)"),
        ("a*2*b*c", "a·2 b c"),
        ("a*heat*b", "a·heat·b"),
        ("a*heat**b", "a·heat^{b}"),
        ("a*x0**b", "a x_{0}^{b}"),
        ("3*2**a + b", "3·2^{a}+b"),
        ("3*(2*a) + b", "3·2 a+b"),
        ("3*(1/2)*a", "3·{1}/{2} a"),
        ("a*log(b)**2", "a·log(b)^{2}"),
        ("a*(b**2/c)", "a {b^{2}}/{c}"),
        ("a*S1**-b - c*S2", "a S_{1}^{−b}−c S_{2}"),
        ("a*S1**-b - S2(c)", "a S_{1}^{−b}−S_{2}(c)"),
        ("a*loss_drop(b, c, 1)", "a·loss drop(b,c,1)"),
    ],
)
def test_formulas_keep_their_meaning(formula, expected):
    names = [name for name in "abc" if re.search(rf"\b{name}\b", formula)]
    assert typeset(lf.Law("own", formula, names, y="y")) == [f"y={expected}"]


def test_every_law_of_the_catalogue_is_typeset():
    for name in lf.laws.names():
        law = lf.laws.get(name)
        text = equations(law)
        Outline(text)
        assert text.count("<math") == 1 + len(law.where)


def test_long_formulas_are_shown_as_text():
    law = lf.Law("own", " + ".join(["a*x"] * 300), ["a"], y="y")
    assert equations(law).startswith("<pre>own: y = a*x + a*x")
