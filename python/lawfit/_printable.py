"""Names of runs, columns and groups as they are shown."""

from __future__ import annotations

__all__ = ["printable"]


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
