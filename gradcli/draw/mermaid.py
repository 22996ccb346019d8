"""A circuit as a Mermaid flowchart, as GitHub renders it in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradcli.draw.circuit import BOX, INPUT, Circuit, Part
from gradcli.errors import UsageMistake

SPECIAL = re.compile(r"-(?!\d)|[^\w .∂-]|_")  # `+`, `*` and `-` alone would begin a list
MOST_EDGES = 500  # GitHub's Mermaid refuses more (its setting maxEdges)


def mermaid(circuit: Circuit) -> str:
    """The picture as a flowchart; comments hold the numbers with all digits.

    Raises UsageMistake where there are more edges than are rendered.
    """
    edges = sum(len(part.operands) for part in circuit.parts) + 1
    if edges > MOST_EDGES:
        raise UsageMistake(
            f"Mermaid draws at most {MOST_EDGES} edges, and this circuit has {edges}",
            hint="--format svg shows the gates nearest to the output, --format dot has all",
        )
    return "\n".join(_lines(circuit)) + "\n"


def _lines(circuit: Circuit) -> Iterator[str]:
    yield "flowchart LR"
    for place, part in enumerate(circuit.parts):
        yield f"  n{place}{_node(part)}"
    for place, part in enumerate(circuit.parts):
        yield from (_edge(circuit, operand, f"n{place}") for operand in part.operands)
    yield _edge(circuit, circuit.output, f'out(["{_text(circuit.parts[circuit.output].name)}"])')
    for part in circuit.parts:
        if part.value:
            gradient = f", gradient {part.gradient.exact}" if part.gradient else ""
            yield f"  %% {part.name} = {part.value.exact}{gradient}"
    if circuit.has_numbers:
        yield "  %% at each wire: its value, and behind ∂ its gradient"


def _node(part: Part) -> str:
    if part.kind == INPUT:
        return f'(["{_text(part.name)}"])'
    return f'["{_text(part.glyph)}"]' if part.kind == BOX else f'(("{_text(part.glyph)}"))'


def _edge(circuit: Circuit, operand: int, target: str) -> str:
    part = circuit.parts[operand]
    lines = [] if part.kind == INPUT else [part.name]
    lines += [part.value.shown] if part.value else []
    lines += [f"∂ {part.gradient.shown}"] if part.gradient else []
    label = "<br/>".join(map(_text, lines))
    return f'  n{operand} ---|"{label}"| {target}' if label else f"  n{operand} --- {target}"


def _text(text: str) -> str:
    """Text of a label: what Mermaid might read as markup stands there by number."""
    return SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
