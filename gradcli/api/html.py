"""Stages as a table for notebooks: values green and gradients red, as in the note's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

MOST_ROWS = 60
MOST_ENTRIES = 4  # of an array that is shown whole


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> str:
    """A table in HTML. rows: texts, numbers and arrays; every one of them is escaped."""
    shown = [*rows[: MOST_ROWS // 2], *rows[-MOST_ROWS // 2 :]] if len(rows) > MOST_ROWS else rows
    lines = [_row("td", row) for row in shown]
    if len(rows) > MOST_ROWS:
        lines.insert(MOST_ROWS // 2, f"<tr><td colspan={len(headings)}>{len(rows) - MOST_ROWS} more stages</td></tr>")
    head = f"<caption>{escape(caption)}</caption><thead>{_row('th', headings)}</thead>"
    return f"<table>{head}<tbody>{''.join(lines)}</tbody></table>"


COLOURS = ("", "", "color:green", "color:red")


def _row(tag: str, cells: Sequence[Any]) -> str:
    return f"<tr>{''.join(_cell(tag, cell, COLOURS[place]) for place, cell in enumerate(cells))}</tr>"


def _cell(tag: str, cell: Any, style: str) -> str:
    text = cell if isinstance(cell, str) else short(cell)
    align = "text-align:left" if isinstance(cell, str) and not style else "text-align:right"
    inner = f"<code>{escape(text)}</code>" if tag == "td" else escape(text)
    return f'<{tag} style="{";".join(filter(None, [align, style if tag == "td" else ""]))}">{inner}</{tag}>'


def short(value: Any) -> str:
    """A number in six digits; of a large array its shape."""
    shape = getattr(value, "shape", ())
    if shape:
        if value.size > MOST_ENTRIES:
            return f"array {' × '.join(map(str, shape))}"
        return str([float(f"{entry:.4g}") for entry in value.ravel().tolist()])
    if isinstance(value, list):
        return str([float(f"{entry:.4g}") if isinstance(entry, float) else "..." for entry in value[:MOST_ENTRIES]])
    return "" if value is None else f"{float(value) + 0.0:.6g}"
