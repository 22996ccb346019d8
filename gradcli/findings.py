"""What a user should know about an evaluation: ties, kinks, and where a nan or inf was born."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite, isnan
from typing import Any, NamedTuple

from gradcli.backward import TIES
from gradcli.errors import Span
from gradcli.evaluate import Evaluation, sent
from gradcli.formula import formula
from gradcli.gates import GATES, Gate
from gradcli.graph import Node
from gradcli.naming import Names, names_of
from gradcli.printer import text_of
from gradcli.program import Program, operands_of, used_by_output
from gradcli.rewrite import matches
from gradcli.rows import kink_function

MOST_BIRTHS = 8  # values that turn nan or inf independently of each other


class Finding(NamedTuple):
    """One warning.

    kind: tie, kink, nonfinite or remark. stage: the name of the stage or input it is about.
    """

    kind: str
    stage: str
    message: str
    span: Span


def findings(evaluation: Evaluation, ties: str, names: Names | None = None) -> list[Finding]:
    """All warnings about an evaluation; names are made only where there is something to say."""
    program = evaluation.program
    kinks = [node for node in program.order if _at_kink(node, evaluation)]
    nonfinite = _nonfinite(evaluation)
    unused = _unused(program)
    if not (kinks or nonfinite or unused):
        return []
    names = names or names_of(program)
    found = [_kink(node, evaluation, ties, names) for node in kinks]
    if nonfinite:
        found += _births(evaluation, ties, names)
    return found + [
        Finding("remark", program.graph.titles[node], f"nothing uses {program.graph.titles[node]}", node.span)
        for node in unused
    ]


def _unused(program: Program) -> list[Node]:
    """Statements that the output does not depend on."""
    if len(program.graph.statements) == 1:
        return []
    used = used_by_output(program)
    return [node for node in program.graph.titles if not used[node.index]]


# -- ties and kinks -----------------------------------------------------------------------


def _at_kink(node: Node, evaluation: Evaluation) -> bool:
    gate = node.gate
    if evaluation.program.shapes:
        return _kinks(node, evaluation) is not None
    if node.constant or not (gate.kink or gate.routes):
        return False
    values = [evaluation.values[operand.index] for operand in node.operands]
    out = evaluation.values[node.index]
    if gate.routes:
        equal = {operand for operand, value in zip(node.operands, values, strict=True) if value == out}
        return len(equal) > 1 and not all(operand.constant for operand in equal)
    return bool(kink_function(gate.name)(*values, out))


def _kinks(node: Node, evaluation: Evaluation) -> str | None:
    """Which entries of an array are at a kink or tie; None where none is."""
    from gradcli import array_findings

    if node.constant or not (node.gate.kink or node.gate.routes):
        return None
    mask = array_findings.kinks(node, evaluation)
    return array_findings.count(mask) if mask.any() else None


def _kink(node: Node, evaluation: Evaluation, ties: str, names: Names) -> Finding:
    code = _shown(node, names)
    where = _kinks(node, evaluation) if evaluation.program.shapes else None
    if where is not None:
        at = f" in {where}" if where != "its value" else ""
        if not node.gate.kink:
            message = f"{code} is at a tie{at}: {TIES[ties]} (--ties {ties})"
            return Finding("tie", _name(node, names), message, node.span)
        message = f"{code} is at its kink{at}: {node.gate.custom} by convention"
        return Finding("kink", _name(node, names), message, node.span)
    if node.gate.routes:
        value = evaluation.values[node.index]
        message = f"{code} is at a tie at {value!r}: {TIES[ties]} (--ties {ties})"
        return Finding("tie", _name(node, names), message, node.span)
    return Finding("kink", _name(node, names), f"{code} is at its kink: {node.gate.custom} by convention", node.span)


# -- nan and inf --------------------------------------------------------------------------


def _nonfinite(evaluation: Evaluation) -> bool:
    """Whether any value or gradient of the program is nan or inf."""
    values, gradients = evaluation.values, evaluation.gradients
    program = evaluation.program
    if all(_finite(values[node.index]) for node in program.order) and all(
        _finite(values[leaf.index]) for leaf in program.inputs
    ):
        return not all(gradient is None or _finite(gradient) for gradient in gradients)
    return True


def _births(evaluation: Evaluation, ties: str, names: Names) -> Iterator[Finding]:
    """The first value that is nan or inf, and the first gradient, each with its reason."""
    program, values = evaluation.program, evaluation.values
    leaves = [node for node in program.graph.nodes if not node.operands and not _finite(values[node.index])]
    if leaves:
        value = values[leaves[0].index]
        source = "as written" if leaves[0].constant else "as given"
        yield Finding(
            "nonfinite", _name(leaves[0], names), f"{_shown_leaf(leaves[0])} is {_said(value)} {source}", leaves[0].span
        )
    born = (node for node in program.order if _is_born(values[node.index], [values[o.index] for o in node.operands]))
    for node in islice(born, MOST_BIRTHS):
        yield _born_value(node, evaluation, names)
    yield from _born_gradient(evaluation, ties, names)


def _is_born(value: float, operands: list[float]) -> bool:
    """Whether a value is nan or inf and its operands do not say why: inf out of finite ones, nan out of no nan."""
    if _nan(value):
        return not any(map(_nan, operands))
    return not _finite(value) and all(map(_finite, operands))


def _born_value(node: Node, evaluation: Evaluation, names: Names) -> Finding:
    value = evaluation.values[node.index]
    operands = ", ".join(
        f"{names.of[operand]} = {_said(evaluation.values[operand.index])}"
        for operand in node.operands
        if operand in names.of
    )
    code = _shown(node, names)
    named = f"{names.of[node]} = {code}" if node in names.of else code
    message = f"{named} is {_said(value)}" + (f" where {operands}" if operands else "")
    better = _stable_gate(evaluation.program, node)
    if better is not None:
        message += f"; {better.form} does not overflow"
    return Finding("nonfinite", _name(node, names), message, node.span)


def _stable_gate(program: Program, node: Node) -> Gate | None:
    """The gate whose definition is spelled out around a node, where the table has a stable way."""
    above = [node]
    for user in program.order[program.order.index(node) :]:
        if any(operand is above[-1] for operand in user.operands):
            above.append(user)
        if len(above) == 4:
            break
    for gate in GATES.values():
        rule = formula(gate.means) if gate.means and gate.stable and not gate.fuses else None
        if rule is not None and any(matches(program.graph, rule, user) for user in above):
            return gate
    return None


def _born_gradient(evaluation: Evaluation, ties: str, names: Names) -> Iterator[Finding]:
    """The first gradient of the backward pass that is nan or inf, and the line that it comes from."""
    program, gradients = evaluation.program, evaluation.gradients
    for node in [*reversed(program.lines), *program.inputs]:
        gradient = gradients[node.index]
        if gradient is None or _finite(gradient):
            continue
        message = f"the gradient {names.gradient_of(node)} is {_said(gradient)}"
        sender = _sender(evaluation, node, ties)
        if sender is not None:
            upstream = evaluation.gradients[sender.index]
            message += f": {_name(sender, names)} = {_shown(sender, names)} passes it on from {_said(upstream)}"
            if _has_zero(upstream) and any(line.gate.name == "where" for line in program.lines):
                message += (
                    "; a branch that is not taken is computed too: guard its operand, where(c, g(where(c, x, 1)), 0)"
                )
        yield Finding("nonfinite", _name(node, names), message, node.span)
        return


def _sender(evaluation: Evaluation, node: Node, ties: str) -> Node | None:
    """The first line of the backward pass from which a nan or inf reaches a node.

    A nan comes from a nan where there is one, and else from infinities of both signs.
    """
    program = evaluation.program
    found = None
    for line in reversed(program.lines):
        if evaluation.gradients[line.index] is not None and any(o is node for o in operands_of(program, line)):
            share = _sent(evaluation, line, ties).get(node.index)
            if share is not None and not _finite(share):
                if _nan(share) or not _nan(evaluation.gradients[node.index]):
                    return line
                found = found or line
    return found


def _sent(evaluation: Evaluation, line: Node, ties: str) -> Mapping[int, Any]:
    if not evaluation.program.shapes:
        return sent(evaluation, line, ties)
    from gradcli.array_evaluate import sent_arrays

    return sent_arrays(evaluation, line, ties)


def _has_zero(value: Any) -> bool:
    return bool((value == 0).any()) if hasattr(value, "any") else bool(value == 0)


def _finite(value: Any) -> bool:
    """Whether a number, or each entry of an array, is finite."""
    if isinstance(value, float) and not hasattr(value, "shape"):
        return isfinite(value)
    from gradcli.array_findings import is_finite

    return is_finite(value)


def _nan(value: Any) -> bool:
    """Whether a number, or any entry of an array, is nan."""
    if isinstance(value, float) and not hasattr(value, "shape"):
        return isnan(value)
    from gradcli.array_findings import has_nan

    return has_nan(value)


def _said(value: Any) -> str:
    """A number in a message, or which entries of an array are nan or inf."""
    if isinstance(value, float) and not hasattr(value, "shape"):
        return repr(value)
    from gradcli.array_findings import shown

    return shown(value)


# -- words --------------------------------------------------------------------------------


def _name(node: Node, names: Names) -> str:
    """What a node is called; a constant inside a line has no name but its text."""
    return names.of.get(node) or _shown(node, names)


def _shown(node: Node, names: Names) -> str:
    if not node.operands:
        return _shown_leaf(node)
    return _cut(text_of(node, names.of.get))


def _shown_leaf(node: Node) -> str:
    return _cut(str(node.static))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
