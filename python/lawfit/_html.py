"""Tables for notebooks: every text in them is escaped, whoever named a run or a law."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lawfit._printable import printable

__all__ = ["fragment"]


def fragment(
    before: Sequence[str], rows: Sequence[Sequence[str]], after: Sequence[str] = ()
) -> str:
    """Return lines, a table and more lines as a piece of HTML.

    The first row is the table's head; of every row the first cell is a name and the last a remark,
    with numbers between.
    """
    head, *body = rows
    table = [_row("th", head), *(_row("td", row) for row in body)]
    return "\n".join(
        [
            "<div>",
            *map(_paragraph, before),
            "<table>",
            f"<thead>\n{table[0]}\n</thead>",
            "<tbody>",
            *table[1:],
            "</tbody>",
            "</table>",
            *map(_paragraph, after),
            "</div>",
        ]
    )


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
