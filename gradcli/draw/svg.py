"""A circuit as SVG: one file that needs nothing else, right on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gradcli.draw.circuit import GATE, INPUT, Circuit, Part
from gradcli.draw.fold import folded
from gradcli.draw.geometry import NAME, RADIUS, TEXT, Band, Column, broadness, half_size, name_of, placed, port
from gradcli.draw.layers import Slot
from gradcli.draw.widths import cut, width

WIDEST = 1400.0  # a wider circuit is folded
MARGIN, GAP, LINE = 16.0, 34.0, 18.0
SMALL = 11.0
# Colours are GitHub's own: each readable on its ground.
STYLE = """
.gradcli { color-scheme: light dark; font-family: Helvetica, Arial, "DejaVu Sans", sans-serif; }
.gradcli .paper { fill: #ffffff; }
.gradcli .wire { fill: none; stroke: #8c959f; stroke-width: 1.4; }
.gradcli .on { fill: #8c959f; }
.gradcli .gate { fill: #f6f8fa; stroke: #424a53; stroke-width: 1.4; }
.gradcli text { font-size: 12px; fill: #59636e; }
.gradcli .glyph { font-size: 15px; fill: #1f2328; text-anchor: middle; }
.gradcli .input { font-size: 14px; fill: #1f2328; text-anchor: end; }
.gradcli .value { fill: #1a7f37; }
.gradcli .gradient { fill: #cf222e; font-style: italic; }
.gradcli .told { font-size: 11px; }
@media (prefers-color-scheme: dark) {
.gradcli .paper { fill: #0d1117; }
.gradcli .wire { stroke: #6e7681; }
.gradcli .on { fill: #6e7681; }
.gradcli .gate { fill: #161b22; stroke: #b1bac4; }
.gradcli text { fill: #9198a1; }
.gradcli .glyph, .gradcli .input { fill: #f0f6fc; }
.gradcli .value { fill: #3fb950; }
.gradcli .gradient { fill: #ff7b72; }
}
"""


def svg(circuit: Circuit, room: float = 0.0, branches: bool = False) -> str:
    """The picture of a circuit.

    room: pixels that every number is given at least, where numbers change. branches: whether the way of each wire
    to each of its gates is there once more, by the name of the gate, for a page to light up.
    """
    bands = [placed(band, room) for band in folded(circuit, lambda band: broadness(band, room) <= WIDEST)]
    told = list(_legend(circuit))
    broad = max([band.width for band in bands] + [width(text, SMALL) for text in told]) + 2 * MARGIN
    drawn: list[str] = []
    y = MARGIN
    for band in bands:
        drawn += [f'<g transform="translate({MARGIN:g} {_n(y)})">', *_band(band, branches), "</g>"]
        y += band.height + GAP
    y += LINE - GAP
    for text in told:
        drawn.append(f'<text class="told" x="{MARGIN:g}" y="{_n(y)}">{_legend_markup(text)}</text>')
        y += LINE
    tall = y - LINE + MARGIN if told else y - LINE + MARGIN / 2
    size = f'width="{_n(broad)}" height="{_n(tall)}" viewBox="0 0 {_n(broad)} {_n(tall)}"'
    name, story = summary(circuit)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="gradcli" role="img" {size} aria-label="{escape(name)}">'
    about = f"<title>{escape(name)}</title>\n<desc>{escape(story)}</desc>\n<style>{STYLE}</style>"
    paper = '<rect class="paper" width="100%" height="100%" rx="8"/>'
    return "\n".join([head, about, paper, *drawn, "</svg>"]) + "\n"


def summary(circuit: Circuit) -> tuple[str, str]:
    """What the picture is of, and what it says, for those who do not see it."""
    expression = " ".join(plain(circuit.expression).split())
    name = "Circuit of " + (expression if len(expression) <= 200 else expression[:199] + "…")
    inputs = [part for part in circuit.parts if part.kind == INPUT]
    told = [f"{circuit.gates} gates, {len(inputs)} inputs."]
    shown = [*inputs, circuit.parts[circuit.output]] if len(inputs) <= 20 else [circuit.parts[circuit.output]]
    told += [
        f"{part.name} = {part.value.exact}" + (f", gradient {part.gradient.exact}." if part.gradient else ".")
        for part in shown
        if part.value
    ]
    return name, " ".join([*told, *circuit.left_out])


def plain(text: str) -> str:
    """Text without the characters that XML cannot have."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


# -- a band -------------------------------------------------------------------------------


def _band(band: Band, branches: bool) -> Iterator[str]:
    for column, slots in enumerate(band.layers.columns):
        for row, slot in enumerate(slots):
            if not slot.passes:
                yield from _part(band, column, row, branches)


def _part(band: Band, column: int, row: int, branches: bool) -> Iterator[str]:
    """A gate or an input with its wire, and what stands at it."""
    part = band.circuit.parts[band.layers.columns[column][row].part]
    at, y = band.columns[column], band.heights[column][row]
    yield f'<g class="part" data-name="{escape(part.name)}"><title>{escape(plain(told(part)))}</title>'
    begin = at.wire if part.kind == INPUT else at.middle + half_size(part)[0]
    trunk = f"M{_n(begin)} {_n(y)}H{_n(at.right)}"
    ways = list(_ways(band, column, row))
    pieces = dict.fromkeys(piece for _, way in ways for piece in way)
    yield f'<path class="wire" d="{trunk}{"".join(pieces)}"/>'
    for gate, way in ways if branches else []:
        yield f'<path class="branch" data-to="{escape(gate.name)}" d="{trunk}{"".join(way)}"/>'
    yield from _marks(at, y, part)
    if part.kind == INPUT:
        yield f'<text class="input" x="{_n(at.middle)}" y="{_n(y + 5)}">{escape(name_of(part))}</text>'
    else:
        yield from _gate(part, at.middle, y)
    yield from _label(part, at.wire, y)
    yield "</g>"


def told(part: Part) -> str:
    """All that is known about a part, with all digits."""
    lines = [f"{part.name} = {part.code}" if part.code else part.name]
    lines += [f"value {part.value.exact}"] if part.value else []
    lines += [f"gradient {part.gradient_name} = {part.gradient.exact}"] if part.gradient else []
    return "\n".join(lines)


def _gate(part: Part, x: float, y: float) -> Iterator[str]:
    half, tall = half_size(part)
    if part.kind == GATE and half == tall == RADIUS:
        yield f'<circle class="gate" cx="{_n(x)}" cy="{_n(y)}" r="{RADIUS:g}"/>'
    else:
        box = f'x="{_n(x - half)}" y="{_n(y - tall)}" width="{_n(2 * half)}" height="{_n(2 * tall)}"'
        yield f'<rect class="gate" {box} rx="{RADIUS if part.kind == GATE else 3:g}"/>'
    drop = 8.5 if part.glyph == "*" else 5.2  # a star hangs high
    yield f'<text class="glyph" x="{_n(x)}" y="{_n(y + drop)}">{escape(part.glyph)}</text>'


def _label(part: Part, x: float, y: float) -> Iterator[str]:
    """The name and the value above the wire, the gradient below."""
    words = []
    if part.kind != INPUT:
        words.append(f'<tspan class="name">{escape(cut(part.name, TEXT, 130))}</tspan>')
    if part.value:
        words.append(f'<tspan class="value">{escape(part.value.shown)}</tspan>')
    if words:
        yield f'<text x="{_n(x)}" y="{_n(y - 5)}">{" ".join(words)}</text>'
    if part.gradient:
        yield f'<text x="{_n(x)}" y="{_n(y + 14)}"><tspan class="gradient">{escape(part.gradient.shown)}</tspan></text>'


def _marks(at: Column, y: float, part: Part) -> Iterator[str]:
    """Arrows where a wire is taken up again, or goes on elsewhere."""
    if part.carried:
        x = at.middle - width(name_of(part), NAME) - 9
        yield f'<path class="on" d="M{_n(x)} {_n(y - 4)}l7 4l-7 4z"/>'
    if part.goes_on:
        yield f'<path class="on" d="M{_n(at.right)} {_n(y - 4)}l7 4l-7 4z"/>'


def _ways(band: Band, column: int, row: int) -> Iterator[tuple[Part, list[str]]]:
    """Each gate that a wire enters, with the pieces of path that lead there from the right of the wire's column."""
    waiting: list[tuple[int, int, list[str]]] = [(column, row, [])]
    while waiting:
        column, row, way = waiting.pop()
        if column == len(band.layers.links):
            continue
        for link in band.layers.links[column]:
            if link.source == row:
                slot = band.layers.columns[column + 1][link.target]
                longer = [*way, _bend(band, column, link.source, link.target, slot, link.port)]
                if slot.passes:
                    waiting.append((column + 1, link.target, longer))
                else:
                    yield band.circuit.parts[slot.part], longer


def _bend(band: Band, column: int, source: int, target: int, slot: Slot, place: int) -> str:
    """From the right of a column to a port in the next one, or across that one."""
    begin, left = band.columns[column].right, band.columns[column + 1].left
    y, end = band.heights[column][source], band.heights[column + 1][target]
    after = f"H{_n(band.columns[column + 1].right)}" if slot.passes else ""
    x = left
    if not slot.passes:
        across, down = port(band.circuit.parts[slot.part], place)
        x, end = band.columns[column + 1].middle + across, end + down
    if abs(end - y) < 0.05:
        return f"M{_n(begin)} {_n(y)}H{_n(x)}{after}"
    middle = (begin + left) / 2
    straight = f"H{_n(x)}" if x > left else ""
    return f"M{_n(begin)} {_n(y)}C{_n(middle)} {_n(y)} {_n(middle)} {_n(end)} {_n(left)} {_n(end)}{straight}{after}"


# -- words --------------------------------------------------------------------------------


def _legend(circuit: Circuit) -> Iterator[str]:
    if circuit.has_numbers:
        yield "above a wire its value, below it the gradient of " + circuit_output(circuit)
    yield from circuit.left_out


def circuit_output(circuit: Circuit) -> str:
    """The name of the output, not too long."""
    return cut(circuit.parts[circuit.output].name, SMALL, 200)


def _legend_markup(text: str) -> str:
    """The sentence with its two words in the colours of the numbers."""
    marked = escape(plain(text))
    if text.startswith("above a wire"):
        marked = marked.replace("its value", '<tspan class="value">its value</tspan>', 1)
        marked = marked.replace("the gradient", '<tspan class="gradient">the gradient</tspan>', 1)
    return marked
