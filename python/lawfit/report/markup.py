"""HTML that can only be put together from text that is escaped."""

from __future__ import annotations

import html
import json
import math
from typing import Any, Final

import numpy as np

from lawfit._printable import printable

__all__ = ["Markup", "data_block", "element", "joined", "number", "plain_json"]

_VOID: Final = frozenset({"meta", "link", "input", "br"})


class Markup(str):
    """HTML as it is; any other text is escaped where it is put into an element."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Return an element. Text is escaped, and shown on one line as `printable` has it.

    An underscore in an attribute's name is a hyphen, one at its end is dropped (``class_``). True
    stands for an attribute without a value; None and False leave it out.
    """
    shown = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        shown.append(key if value is True else f'{key}="{_escaped(value)}"')
    opened = " ".join([tag, *shown])
    if tag in _VOID:
        return Markup(f"<{opened}>")
    return Markup(f"<{opened}>{joined(*children)}</{tag}>")


def joined(*children: object) -> Markup:
    """Return elements and text one after another."""
    return Markup("".join(c if isinstance(c, Markup) else _escaped(c) for c in children))


def data_block(name: str, value: Any) -> Markup:
    """Return data for the page's script: JSON in which nothing ends the element that holds it.

    Text in it is not run: the browser takes the element's type for data.
    """
    text = json.dumps(plain_json(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(f'<script type="application/json" id="{_escaped(name)}">{text}</script>')


def plain_json(value: Any) -> Any:
    """Return a value as JSON has it: arrays as lists, what is not finite as null, names shown."""
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value


def number(value: float, digits: int = 6) -> str:
    """Return a number as it is shown, with a true minus sign."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.{digits}g}")  # 110, not 1.1e+02
    return f"{rounded:.{max(digits, 6)}g}".replace("-", "−")


def _escaped(text: object) -> str:
    return html.escape(printable(str(text)), quote=True)
