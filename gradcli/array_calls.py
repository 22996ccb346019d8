"""Lists and calls of array gates, once their operands are read: which node they are.

Loaded only where a text has arrays.
"""

from __future__ import annotations

from gradcli import array_mistakes
from gradcli.array_gates import ARRAY_GATES, Hole, statics
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import NUMBER, Gate, parameters, variadic
from gradcli.graph import Graph, Node


def listed(graph: Graph, given: tuple[Node, ...], span: Span) -> Node:
    """A list [x, y] as an array."""
    if not given:
        raise SyntaxMistake("a list has no entries", span, "write [x, y]")
    return graph.array(ARRAY_GATES["stack"], given, (("axis", 0),), *span)


def applied(graph: Graph, gate: Gate, named: dict[str, object], given: tuple[Node, ...], span: Span) -> Node:
    """The gate of a call on its operands; operands beyond those of its form are static parameters.

    named: the static parameters that are given by name. Raises SyntaxMistake.
    """
    names = statics(gate)
    if gate.name in ("reshape", "permute"):
        return _rearranged(graph, gate, named, given, span)
    if variadic(gate):
        members = given[0].operands if given and given[0].gate.name == "stack" else ()
        given, count = members + given[1:], len(members)
    else:
        count = len(parameters(gate))
    settings = {**names, **named}
    free = [name for name in names if name not in named]
    further = given[count:]
    if len(given) < count or len(further) > len(free) or count == 0:
        raise array_mistakes.arity(gate, len(given), *span)
    for name, node in zip(free, further, strict=False):
        settings[name] = _whole(node, name)
    if not names:
        graph.arrays = True
        return graph.apply(gate, given, *span)
    return graph.array(gate, given[:count], tuple(settings.items()), *span)


def _whole(node: Node, name: str) -> object:
    """A static parameter given by place: np.max(X, 0)."""
    if node.gate.name == "stack":
        return tuple(_whole(operand, name) for operand in node.operands)
    number = whole_number(node)
    if number is None:
        raise array_mistakes.setting_value(name, node.span)
    return number


def whole_number(node: Node) -> int | None:
    """The whole number that is written, sign included; None for anything else."""
    sign = 1
    if node.gate.name == "neg":
        node, sign = node.operands[0], -1
    if node.gate is not NUMBER or not str(node.static).isdigit():
        return None
    return sign * int(str(node.static))


def _rearranged(graph: Graph, gate: Gate, named: dict[str, object], given: tuple[Node, ...], span: Span) -> Node:
    """reshape(X, (2, 3)), X.reshape(2, 3), X.reshape(N, -1), transpose(X), X.transpose(1, 0)."""
    if not given:
        raise array_mistakes.arity(gate, 0, *span)
    (name,) = statics(gate)
    sizes = given[1].operands if len(given) == 2 and given[1].gate.name == "stack" else given[1:]
    setting: object = named.get(name)
    operands: list[Node] = [given[0]]
    if sizes:
        entries: list[object] = []
        for node in sizes:
            number = whole_number(node)
            if number is None:
                operands.append(node)
                number = Hole(len(operands) - 1)  # type: ignore[assignment]
            entries.append(number)
        setting = tuple(entries)
    if setting is None and gate.name == "reshape":
        raise array_mistakes.arity(gate, 1, *span)
    return graph.array(gate, tuple(operands), ((name, setting),), *span)
