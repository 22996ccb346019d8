"""An explanation as text for a terminal or a pipe, as Markdown, and as one JSON object."""

from __future__ import annotations

import json
import re
import textwrap
from math import isfinite
from typing import Any

from gradcli.explain.records import Explanation
from gradcli.explain.story import Block, Head, Lines, Prose, Section, story

WIDTH = 88


def text(found: Explanation) -> str:
    """Headings, sentences and formulas, two columns in."""
    return "\n".join("\n".join(_as_text(section)) + "\n" for section in story(found))


def _as_text(section: Section) -> list[str]:
    lines = [_bare(section.title)]
    for place, block in enumerate(section.blocks):
        if place and isinstance(block, Head):
            lines.append("")
        lines += [f"  {line}" if line else "" for line in _text_block(block)]
    return lines


def _text_block(block: Block) -> list[str]:
    if isinstance(block, Prose | Head):
        return textwrap.wrap(
            _bare(block.text), WIDTH, break_long_words=False, subsequent_indent="  " * block.text.startswith("- ")
        )
    if isinstance(block, Lines):
        return [f"  {line}" for line in block.lines]
    rows = [block.headings, *block.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(block.headings))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _bare(marked: str) -> str:
    return marked.replace("`", "")


def markdown(found: Explanation) -> str:
    """The same with headings, code and tables; what is no code is escaped."""
    return "\n\n".join(part for section in story(found) for part in _as_markdown(section)) + "\n"


def _as_markdown(section: Section) -> list[str]:
    level = "#" if section.title.startswith("`") else "##"
    return [f"{level} {section.title}", *_joined([_markdown_block(block) for block in section.blocks])]


def _joined(blocks: list[str]) -> list[str]:
    """Items of one list stand together."""
    found: list[str] = []
    for block in blocks:
        if block.startswith("- ") and found and found[-1].startswith("- "):
            found[-1] += "\n" + block
        else:
            found.append(block)
    return found


def _markdown_block(block: Block) -> str:
    if isinstance(block, Head):
        return f"### {_escaped(block.text)}"
    if isinstance(block, Prose):
        return _escaped(block.text)
    if isinstance(block, Lines):
        return "\n".join(["```text", *block.lines, "```"])
    rows = [block.headings, ("---",) * len(block.headings), *(tuple(map(_cell, row)) for row in block.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    return f"`{text}`" if text else ""


def _escaped(marked: str) -> str:
    """Prose in which nothing but our own marks means anything: code, and `- ` for an item."""
    parts = re.split(r"(`[^`]*`|^- )", marked)
    return "".join(
        part if place % 2 else re.sub(r"([\\*_<>\[\]|#~])", r"\\\1", part) for place, part in enumerate(parts)
    )


def json_text(found: Explanation) -> str:
    """One JSON object on one line; numbers that are not finite are strings."""
    return json.dumps(_jsonable(found), ensure_ascii=True, allow_nan=False) + "\n"


def _jsonable(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if hasattr(value, "_asdict"):
        return {name: _jsonable(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _jsonable(part) for name, part in value.items()}
    return [_jsonable(part) for part in value] if isinstance(value, list | tuple) else value


PRINTERS = {"text": text, "markdown": markdown, "json": json_text}
