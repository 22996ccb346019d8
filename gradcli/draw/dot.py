"""A circuit as text for Graphviz: every gate, none left out."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.draw.circuit import INPUT, Circuit, Part

GREEN, RED = "#1a7f37", "#cf222e"


def dot(circuit: Circuit) -> str:
    """The picture as a digraph; the numbers of a wire, with all digits, are its tooltip."""
    return "\n".join(_lines(circuit)) + "\n"


def _lines(circuit: Circuit) -> Iterator[str]:
    yield "digraph circuit {"
    yield "  rankdir=LR;"
    yield '  node [shape=circle, fontname="Helvetica", margin="0.05,0.05", width=0.45];'
    yield '  edge [fontname="Helvetica", fontsize=11, arrowhead=none];'
    for place, part in enumerate(circuit.parts):
        yield f"  n{place} [{_node(part)}];"
        for operand in part.operands:
            yield f"  n{operand} -> n{place} [{_wire(circuit.parts[operand])}];"
    if circuit.output >= 0:
        yield '  end [shape=none, label="", width=0];'
        yield f"  n{circuit.output} -> end [{_wire(circuit.parts[circuit.output])}];"
    yield "}"


def _node(part: Part) -> str:
    told = f"{part.name} = {part.code}" if part.code else part.name
    label = part.name if part.kind == INPUT else part.glyph
    look = ", shape=plain" if part.kind == INPUT else ""
    return f"label={quoted(label)}, tooltip={quoted(told)}{look}"


def _wire(part: Part) -> str:
    lines = [] if part.kind == INPUT else [_markup(part.name)]
    told = [part.name]
    if part.value:
        lines.append(f'<FONT COLOR="{GREEN}">{_markup(part.value.shown)}</FONT>')
        told.append(f"value {part.value.exact}")
    if part.gradient:
        lines.append(f'<FONT COLOR="{RED}"><I>{_markup(part.gradient.shown)}</I></FONT>')
        told.append(f"gradient {part.gradient.exact}")
    label = f"label=<{'<BR/>'.join(lines)}>, " if lines else ""
    return f"{label}tooltip={quoted(', '.join(told))}"


def quoted(text: str) -> str:
    """A string of the language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _markup(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
