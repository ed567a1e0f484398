"""Names of runs, columns and groups, and values that are refused, as they are shown."""

from __future__ import annotations

__all__ = ["printable", "shown"]

_LONGEST = 100


def printable(text: str) -> str:
    r"""Return text on one line, with all that a terminal would obey or hide as `repr` has it.

    Line breaks, escapes that set a window's title, and marks that turn the direction of writing
    come from names in logs; other letters of any script stay as they are.

    Examples
    --------
    >>> print(printable("α-run\x1b[2J\n"))
    α-run\x1b[2J\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(value: object) -> str:
    """Return a value as a refusal shows it: its `repr`, cut short where it is long.

    Examples
    --------
    >>> print(shown("x" * 5000)[:9], shown(10**5000))
    'xxxxxxxx an int of 16610 bits
    """
    if isinstance(value, int) and value.bit_length() > 512:  # Python has no text for the largest
        return f"an int of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:  # such an int within
        text = f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
