"""What people get wrong in a line, turned round: the line as it would be without the slip.

Each repair is tried by whoever judges; here they are only written, the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gradcli.diagnose.pieces import Piece, all_pieces, pieces_of
from gradcli.diagnose.reader import Assignment

SWAPPED_FUNCTIONS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "exp": "log", "log": "exp",
                     "maximum": "minimum", "minimum": "maximum", "sqrt": "square"}  # fmt: skip
MASKS = {"<": "<=", ">": "<="}  # of entries that a gate like relu shuts off
SWAPPED_SIGNS = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "!=", "!=": "=="}


class Repair(NamedTuple):
    """kind: which slip it undoes; line: the line without it; cost: how far it is from what was written."""

    kind: str
    line: Assignment
    cost: float


class Scope(NamedTuple):
    """What a line may use. names: those of values, as the author writes them; axes: how many each has.

    gradients: which of the names are gradients.
    numpy: the prefix of functions of arrays, or nothing where all are numbers; module: that of functions.
    forward: the text of the forward pass without blanks. shares: other names on the way back.
    """

    names: list[str]
    axes: dict[str, int]
    gradients: frozenset[str]
    numpy: str
    module: str
    forward: str
    shares: tuple[str, ...] = ()


def repairs(line: Assignment, scope: Scope, had_value: bool) -> Iterator[Repair]:
    """The line as it may have been meant. had_value: whether its target had a value before it."""
    yield from operators(line, had_value)
    seen = {line.expression}
    for kind, text, cost in sorted(_expressions(line.expression, scope), key=lambda found: found[2]):
        if text not in seen:
            seen.add(text)
            yield Repair(kind, line._replace(expression=text), cost)


def operators(line: Assignment, had_value: bool) -> Iterator[Repair]:
    """The line with another operator, or with a mask that takes the border in."""
    for sign, other in MASKS.items():
        if re.search(rf"(?<![<>=!]){sign}(?!=)", line.entry):
            mask = re.sub(rf"(?<![<>=!]){sign}(?!=)", other, line.entry)
            yield Repair("local", line._replace(entry=mask), 1.2)
    if line.operator == "" and had_value:
        yield Repair("accumulate", line._replace(operator="+"), 0.5)
    if line.operator in ("+", "-"):
        yield Repair("assign", line._replace(operator=""), 0.5 if not had_value else 0.6)
    if line.operator in ("+", "-"):
        yield Repair("sign", line._replace(operator="-" if line.operator == "+" else "+"), 0.8)
    if line.operator in ("*", "/"):
        yield Repair("factor", line._replace(operator="/" if line.operator == "*" else "*"), 1.5)
    if line.entry and line.operator == "+":
        yield Repair("sign", line._replace(operator="-"), 0.8)


Edit = tuple[str, str, float]


def _expressions(text: str, scope: Scope) -> Iterator[Edit]:
    whole = pieces_of(text)
    if whole is None:
        return
    inner = all_pieces(whole)
    yield from _signs(text, whole, inner, scope)
    yield from _removed_factors(text, inner)
    yield from _swapped(text, inner, scope)
    yield from _functions(text, inner)
    if scope.numpy:
        yield from _shapes(text, whole, inner, scope)
    yield from _names(text, inner, scope)
    yield from _numbers(text, inner)
    for name in scope.shares:
        if not re.search(rf"\b{re.escape(name)}\b", text):
            yield "local", f"{text} + {name}", 1.8
    yield from _added_factors(text, whole, inner, scope)
    if re.match(r"\A[^\W\d][\w.]*\Z", text) and scope.numpy:
        yield "aliasing", f"{text}.copy()", 0.4


def _edited(text: str, piece: Piece, new: str) -> str:
    return text[: piece.start] + new + text[piece.end :]


def _cut(text: str, piece: Piece) -> str:
    return text[piece.start : piece.end]


def _signs(text: str, whole: Piece, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    if whole.kind == "minus" and text.startswith("-"):
        yield "sign", text[1:].lstrip(), 0.9
    elif whole.kind in ("sum", "compared"):
        yield "sign", f"-({text})", 1.3
    else:
        yield "sign", f"-{text}", 1.1
    for piece in inner:
        if piece.kind == "minus" and piece is not whole:
            yield "sign", _edited(text, piece, _cut(text, piece.parts[0])), 1.2
        if piece.kind == "sum":
            for place in range(1, len(piece.parts)):
                between = text[piece.parts[place - 1].end : piece.parts[place].start]
                turned = between.replace("+", "\0").replace("-", "+").replace("\0", "-")
                yield "sign", text[: piece.parts[place - 1].end] + turned + text[piece.parts[place].start :], 1.0
            first = piece.parts[0]
            if first.kind != "minus":
                yield "sign", _edited(text, first, "-" + _cut(text, first)), 1.6


def _removed_factors(text: str, inner: list[Piece]) -> Iterator[Edit]:
    for piece in inner:
        if piece.kind == "product":
            for place in range(len(piece.parts)):
                if place:
                    gone = text[: piece.parts[place - 1].end] + text[piece.parts[place].end :]
                elif piece.signs[1] == "*":
                    gone = text[: piece.parts[0].start] + text[piece.parts[1].start :]
                else:
                    gone = _edited(text, piece.parts[0], "1")
                own = [_cut(text, part) for part in piece.parts]
                yield "factor", gone, 0.9 if own.count(own[place]) > 1 else 1.2
            for place in range(1, len(piece.parts)):
                between = text[piece.parts[place - 1].end : piece.parts[place].start]
                turned = between.replace("*", "\0").replace("/", "*").replace("\0", "/")
                yield "factor", text[: piece.parts[place - 1].end] + turned + text[piece.parts[place].start :], 1.5
        if piece.kind == "power":
            yield "factor", _edited(text, piece, _cut(text, piece.parts[0])), 1.4
        if piece.kind == "sum":
            for place in range(1, len(piece.parts)):
                yield "factor", text[: piece.parts[place - 1].end] + text[piece.parts[place].end :], 2.2
            yield "factor", text[: piece.start] + text[piece.parts[1].start : piece.end] + text[piece.end :], 2.3
        if piece.kind == "call" and len(piece.parts) == 2:
            yield "factor", _edited(text, piece, f"({_cut(text, piece.parts[1])})"), 2.4


def _swapped(text: str, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    for piece in inner:
        if piece.kind in ("product", "sum"):
            for place in range(1, len(piece.parts)):
                if piece.signs[place] in ("/", "@", "-"):
                    left, right = piece.parts[place - 1], piece.parts[place]
                    new = _cut(text, right) + text[left.end : right.start] + _cut(text, left)
                    whole = text[: left.start] + new + text[right.end :]
                    squeezed = re.sub(r"\s", "", new)
                    known = squeezed in scope.forward or _cut(text, right) in ("1", "1.0")
                    cost = {"/": 1.0, "@": 1.15, "-": 0.7 if known else 1.15}[piece.signs[place]]
                    yield "swapped", whole, cost
        if piece.kind == "product" and piece.signs[-1] == "/":
            last, before = piece.parts[-1], text[piece.start : piece.parts[-2].end]
            yield "swapped", _edited(text, piece, f"{_cut(text, last)} / ({before})"), 1.1
        if piece.kind == "power":
            base, exponent = (_cut(text, part) for part in piece.parts)
            yield "swapped", _edited(text, piece, f"{exponent}**{base}"), 1.6
        if piece.kind == "call" and len(piece.parts) >= 3:
            left, right = piece.parts[-2:]
            yield (
                "swapped",
                (
                    text[: left.start]
                    + _cut(text, right)
                    + text[left.end : right.start]
                    + _cut(text, left)
                    + text[right.end :]
                ),
                1.1,
            )
            left, right = piece.parts[1:3]
            yield (
                "swapped",
                (
                    text[: left.start]
                    + _cut(text, right)
                    + text[left.end : right.start]
                    + _cut(text, left)
                    + text[right.end :]
                ),
                1.1,
            )
        if piece.kind == "call" and len(piece.parts) == 2 and _cut(text, piece.parts[0]).endswith(".dot"):
            owner = _cut(text, piece.parts[0])[:-4]
            yield "swapped", _edited(text, piece, f"{_cut(text, piece.parts[1])}.dot({owner})"), 1.0


def _functions(text: str, inner: list[Piece]) -> Iterator[Edit]:
    for piece in inner:
        if piece.kind == "call" and piece.parts[0].kind == "name":
            name = _cut(text, piece.parts[0])
            module, dot, plain = name.rpartition(".")
            if plain in SWAPPED_FUNCTIONS:
                yield "local", _edited(text, piece.parts[0], module + dot + SWAPPED_FUNCTIONS[plain]), 1.4
        if piece.kind == "compared":
            for place in range(1, len(piece.parts)):
                sign = piece.signs[place]
                if sign in SWAPPED_SIGNS:
                    before, after = text[: piece.parts[place - 1].end], text[piece.parts[place].start :]
                    yield "swapped", f"{before} {SWAPPED_SIGNS[sign]} {after}", 1.3
                    other = sign[:1] if sign[1:] else sign + "="
                    yield "local", f"{before} {other} {after}", 1.2


def _numbers(text: str, inner: list[Piece]) -> Iterator[Edit]:
    for piece in inner:
        if piece.kind == "number":
            written = _cut(text, piece)
            for new in ("1", "2", "3", "0.5", "0", "4", "0.01", "-1"):
                if new != written:
                    yield "factor", _edited(text, piece, new), 1.9


def _names(text: str, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    calls = {piece.parts[0].start for piece in inner if piece.kind == "call" and text[piece.parts[0].end] == "("}
    for piece in inner:
        if piece.kind != "name" or piece.start in calls:
            continue
        written = _cut(text, piece)
        base = written[:-2] if written.endswith(".T") else written
        for name in scope.names:
            if name != base:
                cost = 2.0 - 0.3 * _alike(base, name) + 0.8 * ((name in scope.gradients) != (base in scope.gradients))
                yield "confused", _edited(text, piece, name + written[len(base) :]), cost


def _alike(one: str, other: str) -> bool:
    return one[:1] == other[:1] or one[-1:] == other[-1:]


def _added_factors(text: str, whole: Piece, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    """A factor that was lost: of the whole line, of a term, of a factor in brackets."""
    places = [whole, *(part for piece in inner if piece.kind in ("sum", "product") for part in piece.parts)]
    places += [part for piece in inner if piece.kind == "call" for part in piece.parts[1:]]
    factors = [*(f"* {name}" for name in scope.names), "* 2", "/ 2", *(f"/ {name}" for name in scope.names)]
    factors += [
        form.format(name) for name in scope.names for form in ("* (1 - {})", "* {}**2", "/ {}**2", "* ({} > 0)")
    ]
    calls = [f"* {scope.module}{call}({{}})" for call in ("cos", "sin", "exp")] + [
        "* -{}",
        "* (1 - {}**2)",
        "* {0} * (1 - {0})",
    ]
    further = [form.format(name) for name in scope.names for form in calls]
    bare = not any(piece.kind == "name" and _cut(text, piece) in scope.gradients for piece in inner)
    for rank, piece in enumerate(dict.fromkeys(places)):
        own = _cut(text, piece)
        for factor in (*factors, *further) if rank == 0 else factors:
            wrapped = f"({own})" if piece.kind in ("sum", "compared") else own
            if rank == 0 and bare and factor[2:] in scope.gradients:
                yield "factor", _edited(text, piece, f"{wrapped} {factor}"), 1.05 if whole.kind != "number" else 2.0
                continue
            cost = 2.1 + 0.1 * (rank > 0) + 0.3 * (factor in further) + 0.1 * (not factor[2:].isidentifier())
            yield "factor", _edited(text, piece, f"{wrapped} {factor}"), cost
    for piece in inner:
        if piece.kind == "name":
            yield "factor", _edited(text, piece, f"{_cut(text, piece)}**2"), 2.2


def _shapes(text: str, whole: Piece, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    np = scope.numpy
    for axis in ("axis=0", "axis=1", "axis=0, keepdims=True", "axis=1, keepdims=True", "axis=(0, 1)", ""):
        yield "sum", f"{np}sum({text}{', ' if axis else ''}{axis})", 1.3 if axis else 1.5
    for found in re.finditer(r"axis\s*=\s*(\d)", text):
        for new in "01":
            if new != found[1]:
                yield "sum", text[: found.start(1)] + new + text[found.end(1) :], 1.2
    for found in re.finditer(r",\s*keepdims\s*=\s*True", text):
        yield "sum", text[: found.start()] + text[found.end() :], 1.3
    for found in re.finditer(r"axis\s*=\s*\d(?!.*keepdims)", text):
        yield "sum", text[: found.end()] + ", keepdims=True" + text[found.end() :], 1.4
    for piece in inner:
        if piece.kind == "call" and re.search(r"\b(sum|mean)$", _cut(text, piece.parts[0])) and len(piece.parts) > 1:
            yield "sum", _edited(text, piece, _cut(text, piece.parts[1])), 1.6
            name = _cut(text, piece.parts[0])
            turned = name[:-3] + "mean" if name.endswith("sum") else name[:-4] + "sum"
            yield "sum", _edited(text, piece.parts[0], turned), 1.6
    yield from _transposes(text, inner, scope)


def _transposes(text: str, inner: list[Piece], scope: Scope) -> Iterator[Edit]:
    toggled = [
        _toggled(text, piece) for piece in inner if piece.kind == "name" and scope.axes.get(_bare(text, piece)) == 2
    ]
    toggled += [(piece, f"{_cut(text, piece)}.T") for piece in inner if piece.kind == "group"]
    factors = _in_products(text, inner)
    for piece, new in toggled:
        yield "transpose", _edited(text, piece, new), 1.1 if piece in factors else 1.6
    for piece in inner:
        if piece.kind == "name" and _cut(text, piece).endswith(".dot"):
            owner = _cut(text, piece)[:-4]
            yield "transpose", _edited(text, piece, f"{owner[:-2] if owner.endswith('.T') else owner + '.T'}.dot"), 1.1
    for place, (first, one) in enumerate(toggled):
        for second, other in toggled[place + 1 :]:
            if first.end <= second.start:
                yield (
                    "transpose",
                    text[: first.start] + one + text[first.end : second.start] + other + text[second.end :],
                    1.7,
                )
    yield "transpose", f"({text}).T", 1.8
    for piece in inner:
        if piece.kind != "product":
            continue
        for place in range(1, len(piece.parts)):
            if piece.signs[place] != "@":
                continue
            left, right = piece.parts[place - 1], piece.parts[place]
            for a in (_cut(text, right), _toggled(text, right)[1]):
                for b in (_cut(text, left), _toggled(text, left)[1]):
                    yield "swapped", text[: left.start] + f"{a} @ {b}" + text[right.end :], 1.9
            between = text[left.end : right.start].replace("@", "*")
            yield "local", text[: left.end] + between + text[right.start :], 2.2


def _in_products(text: str, inner: list[Piece]) -> set[Piece]:
    """The factors of matrix products and the operands of dot."""
    products = {part for piece in inner if piece.kind == "product" and "@" in piece.signs for part in piece.parts}
    calls = [piece for piece in inner if piece.kind == "call" and re.search(r"\bdot$", _cut(text, piece.parts[0]))]
    return products.union(*(piece.parts[1:] for piece in calls))


def _bare(text: str, piece: Piece) -> str:
    return _cut(text, piece).removesuffix(".T")


def _toggled(text: str, piece: Piece) -> tuple[Piece, str]:
    written = _cut(text, piece)
    return piece, written.removesuffix(".T") if written.endswith(".T") else written + ".T"


def kinds(found: Iterable[Repair]) -> list[str]:
    """The kinds of repairs, once each."""
    return list(dict.fromkeys(repair.kind for repair in found))
