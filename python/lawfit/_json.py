"""JSON text: read with limits, and refusals that name the place; written within them."""

from __future__ import annotations

import json
import math
import re
import reprlib
from typing import Any, NoReturn

__all__ = [
    "MAX_CONTAINERS",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_TEXT",
    "ends_inside",
    "parse_json",
    "write_json",
]

MAX_TEXT = 64 * 2**20  # characters, or bytes
MAX_DEPTH = 32  # objects and lists within each other
MAX_CONTAINERS = 2**20  # objects and lists in all: an empty one takes 64 bytes for its two
MAX_DIGITS = 640  # of one number: what Python reads whatever its own limit is set to

# What lies between, then a text, a bracket, a number that JSON lacks, or the end. Possessive, and
# never without a match, so that nothing is tried twice.
_TOKEN = re.compile(
    r"""[^][{}"NI]*+(?:
        (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+"?)
        | (?P<number>NaN|Infinity) | . | \Z
    )""",
    re.DOTALL | re.VERBOSE,
)
# Where numbers have so many digits, or so large an exponent, each is looked at.
_LONG = ("0" * 200, "e000", "e+000", "E000", "E+000")
_ANY_DIGIT = str.maketrans("123456789", "0" * 9)


def parse_json(text: str | bytes | bytearray, what: str, *, not_finite: bool = False) -> Any:
    """Return what JSON text holds.

    Parameters
    ----------
    text : str or bytes
        At most `MAX_TEXT` long; bytes are UTF-8.
    what : str
        What it describes, for messages.
    not_finite : bool
        Read the tokens NaN and Infinity, which JSON lacks and Python's logs have.

    Raises
    ------
    TypeError
        If it is no text.
    ValueError
        If it is no JSON, is larger or deeper than the limits, holds the tokens NaN or Infinity, or
        a key twice in one object. The message names the place, or the key or number.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise TypeError(f"{what} is {reprlib.repr(text)}; expected JSON text")
    if len(text) > MAX_TEXT:
        unit = "characters" if isinstance(text, str) else "bytes"
        raise ValueError(f"{what}: {len(text)} {unit} of JSON; expected at most {MAX_TEXT}")
    if not isinstance(text, str):
        text = _decoded(text, what)
    _check_shape(text, what, not_finite)
    hooks: dict[str, Any] = {}
    if _has_long_numbers(text):
        hooks["parse_int"] = lambda digits: _integer(digits, what)
        hooks["parse_float"] = lambda digits: _float(digits, what)
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, what), **hooks)
    except json.JSONDecodeError as error:
        raise ValueError(f"{what}: this is no JSON: {error}") from None
    except RecursionError:  # few frames were left
        raise ValueError(f"{what}: the JSON is nested too deeply to be read from here") from None


def ends_inside(text: bytes) -> bool:
    """Say whether JSON text ends within its object or list, as one half written does."""
    depth = 0
    for token in _TOKEN.finditer(text.decode("utf-8", "replace")):
        if token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth -= 1
            if depth <= 0:
                return False
    return depth > 0


def write_json(value: Any, what: str) -> str:
    """Return plain values as JSON text, or refuse to write more than `parse_json` reads."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(text) > MAX_TEXT:
        raise ValueError(
            f"{what}: {len(text)} characters of JSON, of which at most {MAX_TEXT} are read again; "
            "to_dict has no such limit"
        )
    return text


def _decoded(text: bytes | bytearray, what: str) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{what}: byte {error.start} is no UTF-8: {error.reason}") from None


def _check_shape(text: str, what: str, not_finite: bool) -> None:
    """Refuse what is too deep or too much for the parser, and numbers that JSON lacks."""
    depth = containers = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
            containers += 1
            if depth > MAX_DEPTH:
                _refuse(what, text, token.end() - 1, f"more than {MAX_DEPTH} levels of nesting")
            if containers > MAX_CONTAINERS:
                wanted = f"more than {MAX_CONTAINERS} objects and lists"
                _refuse(what, text, token.end() - 1, wanted)
        elif kind == "close":
            depth -= 1
        elif kind == "number" and not not_finite:
            begin = token.start(kind)
            name = text[begin - 1 : token.end()] if text[begin - 1 : begin] == "-" else token[kind]
            wanted = f'{name} is no number of JSON; expected the text "{name}"'
            _refuse(what, text, token.end() - len(name), wanted)


def _has_long_numbers(text: str) -> bool:
    alike = text.translate(_ANY_DIGIT)
    return any(mark in alike for mark in _LONG)


def _refuse(what: str, text: str, position: int, problem: str) -> NoReturn:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    raise ValueError(f"{what}: line {line}, column {column}: {problem}")


def _object(pairs: list[tuple[str, Any]], what: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"{what}: key {_short(key)} comes twice in one object")
            seen.add(key)
    return found


def _integer(digits: str, what: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse_number(digits, what)
    return int(digits)


def _float(digits: str, what: str) -> float:
    number = float(digits) if len(digits) <= MAX_DIGITS else math.inf
    if math.isinf(number):
        _refuse_number(digits, what)
    return number


def _refuse_number(digits: str, what: str) -> NoReturn:
    if len(digits) > MAX_DIGITS:
        raise ValueError(
            f"{what}: a number of {len(digits)} characters, {digits[:20]}…; "
            f"expected at most {MAX_DIGITS}"
        )
    raise ValueError(f"{what}: {_short(digits)} is beyond float64")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
