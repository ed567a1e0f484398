"""A law's formula typeset: MathML from its tree."""

from __future__ import annotations

import ast
import re
from typing import Final

from lawfit.callable_law import CallableLaw
from lawfit.formula import parse_tree
from lawfit.law import Law
from lawfit.report.markup import Markup, element, joined

__all__ = ["equation", "equations", "symbol"]

_GREEK: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "kappa": "κ", "lam": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "inf": "∞",
}  # fmt: skip
_INDEXED: Final = re.compile(r"([^\W\d_]+?)(\d*|(?<=^[A-Z])inf)(?:_(\w+))?")
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly an expression holds together
_LONGEST: Final = 400  # nodes of formulas that are typeset

_BEGIN, _END = (element("mo", sign, stretchy="false") for sign in "()")
_TIMES: Final = element("mo", Markup("&InvisibleTimes;"))

Typeset = tuple[Markup, int]
_Link = tuple[ast.operator | None, ast.expr]


def equations(law: Law) -> Markup:
    """Return the law, then each expression of `where`, typeset.

    As text if they are long, or no formulas: a law that is a Python function.
    """
    plain = joined(*(element("pre", line) for line in law.equations()))
    if isinstance(law, CallableLaw):
        return plain
    texts = {law.y: law.formula, **law.where}
    trees = {name: parse_tree(text)[1] for name, text in texts.items()}
    if sum(1 for tree in trees.values() for _ in ast.walk(tree)) > _LONGEST:
        return plain
    lines = [equation(name, tree) for name, tree in trees.items()]
    shown = [element("p", line, class_="equation") for line in lines]
    if law.where:
        shown.insert(1, element("p", "where", class_="where"))
    return joined(*shown)


def equation(name: str, tree: ast.expr) -> Markup:
    """Return name = tree as a displayed formula."""
    row = element("mrow", symbol(name), _operator("="), _typeset(tree)[0])
    return element("math", row, display="block")


def symbol(name: str) -> Markup:
    """Return a name: Greek letters as such, digits at its end and what follows _ as an index."""
    found = _INDEXED.fullmatch(name)
    base, *parts = found.groups() if found else (name,)
    shown = element("mi", _GREEK.get(base, base))
    index = ",".join(_GREEK.get(part, part) for part in parts if part)
    return element("msub", shown, element("mi", index)) if index else shown


def _operator(sign: str) -> Markup:
    return element("mo", sign)


def _typeset(node: ast.expr) -> Typeset:
    found = None
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            found = _sum(node)
        case ast.BinOp(op=ast.Mult()):
            found = _product(node)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            found = element("mfrac", _whole(left), _whole(right)), _ATOM
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            found = _power(left, right), _POWER
        case ast.UnaryOp(op=op, operand=operand):
            sign = "−" if isinstance(op, ast.USub) else "+"
            found = element("mrow", _operator(sign), _at_least(operand, _PRODUCT)), _SUM
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = _call(name, arguments)
        case ast.Name(id=name):
            found = symbol(name), _ATOM
        case ast.Constant(value=value):
            found = element("mn", value), _ATOM
    assert found is not None  # a law holds nothing else
    return found


def _needs_dot(item: ast.expr) -> bool:
    """Say whether a factor and the one before it would read as one without a sign between."""
    while isinstance(item, ast.BinOp) and isinstance(item.op, ast.Mult | ast.Div | ast.Pow):
        item = item.left  # which is what stands beside the factor before
    if _is_word(item):
        return True
    if isinstance(item, ast.Call) and isinstance(item.func, ast.Name):
        return item.func.id not in ("S2", "exp", "sqrt", "abs")
    return isinstance(item, ast.Constant)


def _is_word(item: ast.expr) -> bool:
    """Say whether a factor is a name of several letters, which would run into its neighbours."""
    found = _INDEXED.fullmatch(item.id) if isinstance(item, ast.Name) else None
    return found is not None and len(_GREEK.get(found[1], found[1])) > 1


def _power(base: ast.expr, exponent: ast.expr) -> Markup:
    shown, raised = _at_least(base, _ATOM), _exponent(exponent)
    if shown.startswith("<msub>"):  # an index and an exponent stand one above the other
        inner = shown.removeprefix("<msub>").removesuffix("</msub>")
        return element("msubsup", Markup(inner), raised)
    return element("msup", shown, raised)


def _spine(node: ast.expr, *kinds: type[ast.operator]) -> list[_Link]:
    """Return the links of a chain that leans to the left, in order."""
    links: list[_Link] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        links.append((node.op, node.right))
        node = node.left
    return [(None, node), *reversed(links)]


def _sum(node: ast.expr) -> Typeset:
    parts: list[Markup] = []
    for op, item in _spine(node, ast.Add, ast.Sub):
        if op is not None:
            parts.append(_operator("−" if isinstance(op, ast.Sub) else "+"))
        parts.append(_whole(item) if op is None else _at_least(item, _PRODUCT))
    return element("mrow", *parts), _SUM


def _product(node: ast.expr) -> Typeset:
    parts: list[Markup] = []
    after_word = False
    for op, item in _spine(node, ast.Mult):
        if op is not None:
            # numbers or words beside each other would read as one
            parts.append(_operator("·") if after_word or _needs_dot(item) else _TIMES)
        parts.append(_at_least(item, _PRODUCT))
        after_word = _is_word(item)
    return element("mrow", *parts), _PRODUCT


def _call(name: str, arguments: list[ast.expr]) -> Typeset:
    if name == "sqrt":
        return element("msqrt", _whole(arguments[0])), _ATOM
    if name == "exp":
        return element("msup", element("mi", "e"), _exponent(arguments[0])), _POWER
    if name == "abs":
        bar = _operator("|")
        return element("mrow", bar, _whole(arguments[0]), bar), _ATOM
    inner: list[Markup] = []
    for argument in arguments:
        inner += [*([_operator(",")] if inner else []), _whole(argument)]
    head = symbol(name) if name == "S2" else element("mi", name.replace("_", " "))
    return element("mrow", head, *_bracketed(*inner)), _ATOM


def _exponent(node: ast.expr) -> Markup:
    """Return an exponent on one line: a fraction in it would be too small to read."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = node.operand
        ratio = isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Div)
        shown = _exponent(inner) if ratio else _at_least(inner, _PRODUCT)
        return element("mrow", _operator("−"), shown)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return element(
            "mrow", _at_least(node.left, _PRODUCT), _operator("/"), _at_least(node.right, _ATOM)
        )
    return _whole(node)


def _whole(node: ast.expr) -> Markup:
    return _typeset(node)[0]


def _at_least(node: ast.expr, hold: int) -> Markup:
    """Return a tree, in brackets if it holds together less tightly."""
    shown, own = _typeset(node)
    if own >= hold:
        return shown
    return element("mrow", _operator("("), shown, _operator(")"))  # as tall as what they hold


def _bracketed(*shown: Markup) -> tuple[Markup, ...]:
    return (_BEGIN, *shown, _END)
