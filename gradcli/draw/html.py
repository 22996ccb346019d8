"""A circuit as a page that steps through the forward and the backward pass; one file, no network.

The arithmetic of moved inputs is the JavaScript that codegen writes. Nothing that a user wrote runs: text is
escaped, data is JSON, and the page's policy allows its one script, by its hash, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from json import dumps
from math import isfinite
from pathlib import Path
from typing import Any

from gradcli.draw.circuit import Circuit, circuit_of
from gradcli.draw.steps import Page, page_of
from gradcli.draw.svg import plain, summary, svg
from gradcli.draw.widths import width
from gradcli.evaluate import Evaluation
from gradcli.program import Program

BUTTONS = {"first": "« first", "back": "‹ back", "next": "next ›", "last": "last »"}
FARTHEST = 8e307  # where a slider ends: the length of its way is a number too
LABELS = {"first": "first step", "back": "step back", "next": "next step", "last": "last step"}


def html(
    program: Program,
    evaluation: Evaluation | None,
    ties: str = "first",
    wrt: list[str] | None = None,
    point: Mapping[str, Any] | None = None,
) -> str:
    """The page of a program. point: the values of its variables, nested lists for elements."""
    circuit = circuit_of(program, evaluation)
    page = page_of(program, circuit, ties, wrt, point or {}, evaluation)
    picture = svg(circuit, room=width("-0.000324", 12), branches=True)
    return "\n".join(_document(circuit, page, picture)) + "\n"


def _document(circuit: Circuit, page: Page, picture: str) -> Iterator[str]:
    here = Path(__file__)
    style = here.with_name("page.css").read_text(encoding="utf-8")
    script = f"{page.script}\n{here.with_name('page.js').read_text(encoding='utf-8')}"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(summary(circuit)[0])}</title>\n<style>{style}</style>\n</head>\n<body>"
    yield f"<h1>The circuit, step by step</h1>\n<pre tabindex='0'>{escape(plain(circuit.expression.strip()))}</pre>"
    yield f'<div class="picture" tabindex="0" role="group" aria-label="the circuit">{picture}</div>'
    yield '<div class="controls">'
    for name, sign in BUTTONS.items():
        yield f'<button type="button" id="{name}" aria-label="{LABELS[name]}">{sign}</button>'
    yield '<span class="where" id="where"></span></div>'
    yield '<div class="stage" id="stage" aria-live="polite"></div>'
    yield from _inputs(page)
    yield f'<script type="application/json" id="data">{_data(page.data)}</script>'
    yield f"<script>{script}</script>\n</body>\n</html>"


def _policy(script: str) -> str:
    from base64 import b64encode
    from hashlib import sha256

    digest = b64encode(sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _data(data: dict[str, Any]) -> str:
    """JSON that cannot end its element."""
    return (
        dumps(_strict(data), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    )


def _strict(value: Any) -> Any:
    """Numbers that are not finite as the words that JavaScript makes numbers of."""
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_strict(part) for part in value]
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _inputs(page: Page) -> Iterator[str]:
    """A slider and a field for each input."""
    yield f'<p class="hint">{escape(page.hint)}</p>'
    yield '<fieldset class="inputs" aria-label="inputs">'
    for place, field in enumerate(page.data["inputs"]):
        name, value = escape(field["name"]), field["value"]
        known = isfinite(value)
        middle = value if known else 0.0
        reach = max(2.0, 2 * abs(middle))
        yield f'<label><span class="name" title="{name}">{name}</span>'
        limits = f'min="{max(middle - reach, -FARTHEST)!r}" max="{min(middle + reach, FARTHEST)!r}" value="{middle!r}"'
        written = f'value="{value!r}"' if known else f'placeholder="{value!r}"'
        for kind, more in (("range", limits), ("number", written)):
            yield f'<input type="{kind}" data-input="{place}" {more} step="any" aria-label="{name}">'
        yield "</label>"
    yield "</fieldset>"
