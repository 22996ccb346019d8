"""The notebooks in samples/ are executed, cell by cell in one namespace, and show what stands below each cell.

`pytest --update` rewrites the outputs. An expression at the end of a cell is shown as a notebook shows it: as HTML,
Markdown or SVG where the object has it, else as its repr.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transcript import ROOT, same

NOTEBOOKS = sorted((ROOT / "samples").rglob("*.ipynb"))
RICH = {"text/html": "_repr_html_", "text/markdown": "_repr_markdown_", "image/svg+xml": "_repr_svg_"}


def executed(source: str, scope: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """The outputs of a cell, in the notebook's own format."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), scope)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), scope) if isinstance(last, ast.Expr) else None
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(True)}
    if value is not None:
        data = {kind: getattr(value, method)() for kind, method in RICH.items() if hasattr(value, method)}
        data |= {"text/plain": repr(value)}
        shown = {kind: text.splitlines(True) for kind, text in sorted(data.items())}
        yield {"data": shown, "execution_count": count, "metadata": {}, "output_type": "execute_result"}


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    """All that is shown, kind by kind."""
    found = []
    for output in outputs:
        for kind, lines in output.get("data", {output.get("name"): output.get("text")}).items():
            found.append(f"{kind}\n{''.join(lines)}")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_its_cells_give(path: Path, update: bool) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    scope: dict[str, Any] = {"__name__": "__main__"}
    assert cells
    for count, cell in enumerate(cells, 1):
        found = list(executed("".join(cell["source"]), scope, count))
        if update:
            cell["outputs"], cell["execution_count"] = found, count
        else:
            pairs = list(zip(texts(found), texts(cell["outputs"]), strict=True))
            assert all(same(ours, theirs) for ours, theirs in pairs), pairs
    if update:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def test_there_is_a_notebook_and_its_ledger_adds_up() -> None:
    assert NOTEBOOKS
    assert any('"True\\n"' in path.read_text(encoding="utf-8") for path in NOTEBOOKS)
