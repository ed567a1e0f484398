"""Tables for notebooks: every text in them is escaped, whoever named a run or a law."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lawfit._printable import printable

__all__ = ["fragment"]


Table = Sequence[Sequence[str]]


def fragment(
    before: Sequence[str],
    rows: Table,
    after: Sequence[str] = (),
    more: Sequence[tuple[str, Table]] = (),
) -> str:
    """Return lines, a table, more of them with their titles, and lines as a piece of HTML.

    A table's first row is its head; of every row the first cell is a name and the last a remark,
    with numbers between.
    """
    parts = [*map(_paragraph, before), *_table(rows)]
    for title, others in more:
        parts += [_paragraph(title), *_table(others)]
    return "\n".join(["<div>", *parts, *map(_paragraph, after), "</div>"])


def _table(rows: Table) -> list[str]:
    head, *body = (_row("td" if i else "th", row) for i, row in enumerate(rows))
    return ["<table>", f"<thead>{head}</thead>", "<tbody>", *body, "</tbody>", "</table>"]


def _paragraph(line: str) -> str:
    return f"<p>{_text(line)}</p>"


def _row(tag: str, cells: Sequence[str]) -> str:
    sides = ["left", *["right"] * (len(cells) - 2), "left"]
    written = (
        f'<{tag} style="text-align:{side}">{_text(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def _text(text: str) -> str:
    return html.escape(printable(text), quote=True)
