"""Code over arrays in languages other than NumPy: written for every row of the table, and run where it can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_codegen_arrays import shapes_of

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.declared import declared_shapes
from gradcli.shapes import shaped
from gradcli.staging import stage

DATA = Path(__file__).parent / "data" / "arrays.jsonl"
ITEMS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def code(target: str, text: str, shapes: str, ties: str = "first", **options: Any) -> str:
    program = stage(text)
    return generate(shaped(program, declared_shapes(program, (shapes,))), target, Options(**options), ties)


# -- LaTeX --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "shapes", "line"),
    [
        ("D = W @ X", "W=5x10,X=10x3", r"\frac{\partial \mathcal{L}}{\partial D} X^{\top} && 5 \times 10 \tag{1} \\"),
        ("D = W @ X", "W=mxk,X=kxn", r"W^{\top} \frac{\partial \mathcal{L}}{\partial D} && k \times n \tag{1}"),
        ("sum(A * B)", "A=2x3,B=2x3", r"\mathit{AB} &= A \odot B && 2 \times 3 \tag{1} \\"),
        ("sum(c * B)", "c=(),B=2x3", r"\mathit{cB} &= c \cdot B && 2 \times 3 \tag{1} \\"),
        ("sum((A * B) @ v)", "A=2x3,B=2x3,v=3", r"\mathit{AB} v && 2 \tag{2} \\"),
        ("u @ A @ v", "u=2,A=2x3,v=3", r"\mathit{uA} &= u^{\top} A && 3 \tag{1} \\"),
        ("sum(inv(A))", "A=2x2", r"\mathit{invA} &= A^{-1} && 2 \times 2 \tag{1} \\"),
        (
            "X + b",
            "X=4x3,b=3",
            r"\sum_{\text{axis }0}\left(\frac{\partial \mathcal{L}}{\partial f}\right) && 3 \tag{1}",
        ),
        ("sum(P[i, 1:])", "P=4x3,i=2", r"\mathit{Ppicked} &= P{}_{i, 1{:}} && 2 \times 2 \tag{1} \\"),
    ],
)
def test_matrix_calculus(program, shapes, line):
    assert code("latex", program, shapes).count(line) == 1


@pytest.mark.parametrize("form", ["function", "lines", "script"])
def test_latex_is_balanced(form):
    for item in ITEMS:
        text = code("latex", item["expr"], shapes_of(item["at"]), form=form)
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        assert text.count(r"\begin") == text.count(r"\end")
        assert "None" not in text
        assert "Hole" not in text
