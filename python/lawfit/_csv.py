"""Tables as CSV that spreadsheets show and do not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["csv_text"]

# What a cell begins with that a spreadsheet takes for a formula or passes over before one: CWE-1236
# and OWASP's page on CSV injection.
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(columns: Mapping[str, Iterable[object]]) -> str:
    """Return columns of as many cells each as lines of CSV below a header.

    Numbers are written as Python's repr. Text that a spreadsheet would run, and that is no number,
    gets a ``'`` before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)  # lines end as RFC 4180 has them, so that both their ends are quoted
    writer.writerow(map(_cell, columns))
    writer.writerows(zip(*(map(_cell, column) for column in columns.values()), strict=True))
    return out.getvalue()


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return repr(getattr(value, "item", lambda: value)())  # of numpy's numbers too
    return f"'{value}" if value.startswith(_RUN) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
