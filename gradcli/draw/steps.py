"""A program as the steps of a page: which line is worked out when, and what flows where on the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gradcli.backward import Flow, flows
from gradcli.draw.circuit import GATE, INPUT, Circuit
from gradcli.draw.live import Live, begin, live
from gradcli.draw.numbers import Reading
from gradcli.errors import UsageMistake
from gradcli.evaluate import Evaluation
from gradcli.gates import variadic
from gradcli.graph import Input, Node
from gradcli.local import Formulas
from gradcli.naming import Names, names_of
from gradcli.printer import operand_text
from gradcli.program import Program
from gradcli.tokens import BINDING

LARGEST = 1000  # lines of a program that a page works out again as inputs move
MOVE = "Move an input: every value and gradient follows."
STEP = "Arrow keys, Home and End step through both passes."


class Page(NamedTuple):
    """data: what the page's script reads; script: the program's own; hint: what one can do."""

    data: dict[str, Any]
    script: str
    hint: str


def page_of(
    program: Program,
    circuit: Circuit,
    ties: str,
    wrt: list[str] | None,
    point: Mapping[str, Any],
    evaluation: Evaluation | None = None,
) -> Page:
    """The steps, and the numbers at the point or the function that gives them."""
    names = names_of(program)
    moves = not program.graph.arrays and not program.shapes and len(program.lines) <= LARGEST
    variables = begin(program, point) if moves else None
    found, hint = _moving(program, ties, wrt, variables)
    exact = not (circuit.left_out or program.shapes or program.graph.arrays)
    sent = _sent(program, names, wrt) if exact else None
    steps, made, graded = _steps(circuit, {names.of[line]: line for line in program.lines}, sent)
    flows_shown = _flows(program, names, steps, ties, wrt) if exact else []
    if evaluation and program.shapes and not circuit.left_out:
        flows_shown = _array_flows(evaluation, names, steps, ties)
    data = {
        "live": found is not None,
        "output": program.graph.output,
        "steps": steps,
        "turn": graded[program.graph.output],
        "made": made,
        "graded": graded,
        "gradients": {part.name: part.gradient_name for part in circuit.parts},
        "codes": {part.name: part.code for part in circuit.parts if part.code},
        "flows": flows_shown,
        "known": {part.name: [_words(part.value), _words(part.gradient)] for part in circuit.parts},
        "names": [names.of[node] for node in found.names] if found else [],
        "variables": list(variables.values()) if found and variables else [],
        "inputs": _inputs(program, variables) if found and variables else [],
    }
    return Page(data, found.script if found else "", hint)


def _moving(
    program: Program, ties: str, wrt: list[str] | None, variables: Mapping[str, Any] | None
) -> tuple[Live | None, str]:
    """The function that gives the numbers as inputs move, if there can be one, and what to tell the reader."""
    if variables is None:
        return None, STEP
    try:
        return live(program, ties, wrt, variables), f"{MOVE} {STEP}" if variables else STEP
    except UsageMistake as mistake:
        return None, f"The inputs cannot be moved: {mistake.message}. {STEP}"


def _words(number: Reading | None) -> str | None:
    return number.shown if number else None


def _inputs(program: Program, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each input leaf: its name, which variable it is in and where, and its value."""
    places = {name: place for place, name in enumerate(variables)}
    found = []
    for leaf in program.inputs:
        assert isinstance(leaf.static, Input)
        value: Any = variables[leaf.static.base]
        for place in leaf.static.places:
            value = value[place]
        inside = {"variable": places[leaf.static.base], "places": list(leaf.static.places)}
        found.append({"name": str(leaf.static), "value": value, **inside})
    return found


# -- steps --------------------------------------------------------------------------------


def _sent(program: Program, names: Names, wrt: list[str] | None) -> set[tuple[str, str]]:
    """Which line sends a gradient to which of its operands, by their names."""
    return {(names.of[flow.line], names.of[flow.operand]) for flow in flows(program, wrt)}


def _steps(
    circuit: Circuit, lines: Mapping[str, Node], sent: set[tuple[str, str]] | None
) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, int]]:
    """The steps; by name the step that gives the value, and the first that brings a gradient.

    sent: which line sends a gradient to which operand; any line to all if None.
    """
    parts = circuit.parts
    gates = [part for part in parts if part.kind != INPUT]
    sources = [part.name for part in parts if part.kind == INPUT]
    steps: list[dict[str, Any]] = [{"name": "", "sends": sources, "said": "The inputs are given."}]
    made = dict.fromkeys(sources, 0)
    for part in gates:
        made[part.name] = len(steps)
        steps.append({"name": part.name, "sends": [parts[operand].name for operand in part.operands]})
    graded = {parts[circuit.output].name: len(steps)}
    for part in reversed(gates):
        if part.name not in graded:
            continue
        sends = [parts[operand].name for operand in part.operands]
        if sent is not None:
            sends = [name for name in sends if (part.name, name) in sent]
            if not sends:
                continue
        graded = {**dict.fromkeys(sends, len(steps)), **graded}
        said = lines[part.name].gate.says if part.kind == GATE else "a statement of several gates"
        steps.append({"name": part.name, "sends": sends, "said": said})
    if len(steps) == graded[parts[circuit.output].name]:
        steps.append({"name": parts[circuit.output].name, "sends": [], "said": "No gradient flows."})
    return steps, made, {part.name: graded.get(part.name, len(steps) - 1) for part in parts}


def _flows(
    program: Program, names: Names, steps: list[dict[str, Any]], ties: str, wrt: list[str] | None
) -> list[dict[str, Any]]:
    """The flows in the order of the script's shares: where each goes, in which step, and how it is written."""
    formulas = Formulas(program, ties, guarded=False)
    backward = {step["name"]: place for place, step in enumerate(steps)}  # the last one of a name
    found = []
    for place, flow in enumerate(flows(program, wrt)):
        line, operand = names.of[flow.line], names.of[flow.operand]
        found.append(
            {
                "place": place,
                "to": operand,
                "step": backward[line],
                "gradient": names.gradient_of(flow.operand),
                "accumulates": flow.accumulates,
                "code": _code(formulas, flow, names),
            }
        )
    return found


def _array_flows(evaluation: Evaluation, names: Names, steps: list[dict[str, Any]], ties: str) -> list[dict[str, Any]]:
    """The flows of a program over arrays, with what each brings in words."""
    from gradcli.draw.array_flows import array_flows

    formulas = Formulas(evaluation.program, ties, guarded=False)
    backward = {step["name"]: place for place, step in enumerate(steps)}
    found: list[dict[str, Any]] = []
    for flow in array_flows(evaluation, names, ties):
        to = names.of[flow.operand]
        found.append(
            {
                "to": to,
                "step": backward[names.of[flow.line]],
                "gradient": names.gradient_of(flow.operand),
                "accumulates": any(other["to"] == to for other in found),
                "code": _code(formulas, flow.alone, names) if flow.alone else flow.code,
                "brings": flow.brings,
            }
        )
    return found


def _code(formulas: Formulas, flow: Flow, names: Names) -> str:
    """What a flow brings, as the note writes it: the local gradient times the gradient from above."""
    above = names.gradient_of(flow.line)
    if variadic(flow.line.gate) and len(flow.line.operands) > 2:
        return f"where({names.of[flow.operand]} == {names.of[flow.line]}, {above}, 0)"
    rule, letters = formulas.local(flow)

    def name(node: Node) -> str | None:
        return names.of.get(letters[int(node.static.base)]) if isinstance(node.static, Input) else None

    local = operand_text(rule, name, binding=BINDING["*"])
    return above if local == "1" else f"{local} * {above}"
