"""The result of `eval` as text: lines for a pipe, JSON, one number."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from gradcli import calculate
from gradcli.cli import console
from gradcli.errors import UsageMistake, did_you_mean
from gradcli.evaluate import Evaluation
from gradcli.findings import Finding
from gradcli.graph import Node
from gradcli.naming import Names, names_of, own_gradients
from gradcli.printer import text_of
from gradcli.program import Program, base_of

if TYPE_CHECKING:
    from gradcli.checks.verdict import Check


class Result(NamedTuple):
    """inputs: the variables whose gradient is shown; point: the values of all variables; checks: those asked for."""

    evaluation: Evaluation
    point: dict[str, Any]
    inputs: list[str]
    findings: list[Finding]
    checks: list[Check]

    @property
    def program(self) -> Program:
        """The program that was evaluated."""
        return self.evaluation.program

    @property
    def names(self) -> Names:
        """The names of all stages and gradients; to be asked for once."""
        return names_of(self.program)

    @property
    def output(self) -> str:
        """The name of the output."""
        return self.program.graph.output

    @property
    def value(self) -> Any:
        """The value of the output."""
        return self.evaluation.value(self.program.output)


def gradients(result: Result) -> dict[str, Any]:
    """The gradient of each input asked for, in the shape of its value."""
    return calculate.gradients(result.evaluation, result.point, result.inputs)


def whole_gradients(result: Result) -> Iterator[tuple[str, Any]]:
    """The gradients of all inputs asked for and of all stages, by name, each as a whole."""
    names = result.names
    yield from ((names.gradient[name], gradient) for name, gradient in gradients(result).items())
    yield from ((names.gradient_of(line), result.evaluation.gradient(line)) for line in result.program.lines)


# -- text ---------------------------------------------------------------------------------


def tsv(result: Result) -> str:
    """`name<TAB>value` lines: the output, then `d` + each input."""
    names = own_gradients(result.program)
    lines = [f"{result.output}\t{plain(result.value)}\n"]
    lines += [f"{names[name]}\t{plain(gradient)}\n" for name, gradient in gradients(result).items()]
    return "".join(lines)


def asked(line: Node, evaluation: Evaluation) -> bool:
    """Whether the gradient of a line was computed: it leads to an input asked for."""
    return line is evaluation.program.output or evaluation.active[line.index] > 0


def plain(value: Any) -> str:
    """A number as the shortest text that reads back; a list as JSON, with "NaN" and "Infinity" as strings."""
    return repr(float(value)) if isinstance(value, float | int) else json_number(value)


def json_number(value: Any) -> str:
    """A number or nested lists in strict JSON: "NaN", "Infinity" and "-Infinity" are strings."""
    if not isinstance(value, float | int):
        return f"[{', '.join(json_number(part) for part in value)}]"
    value = float(value)
    if isfinite(value):
        return repr(value)
    return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'


def json_text(result: Result) -> str:
    """One JSON object on one line."""
    from json import dumps

    program, evaluation, names = result.program, result.evaluation, result.names
    inputs = ", ".join(f"{dumps(name)}: {json_number(result.point[name])}" for name in program.variables)
    gradient = ", ".join(f"{dumps(name)}: {json_number(value)}" for name, value in gradients(result).items())
    stages = ", ".join(
        f'{{"name": {dumps(names.of[line])}, "gate": {dumps(line.gate.name)}, {_shape_member(line, program)}'
        f'"code": {dumps(text_of(line, names.of.get))}, "value": {json_number(evaluation.value(line))}, '
        f'"gradient": {json_number(evaluation.gradient(line)) if asked(line, evaluation) else "null"}}}'
        for line in program.lines
    )
    warnings = ", ".join(
        f'{{"kind": {dumps(found.kind)}, "stage": {dumps(found.stage)}, "message": {dumps(found.message)}, '
        f'"span": [{found.span.start}, {found.span.end}]}}'
        for found in result.findings
    )
    found = ", ".join(map(check_json, result.checks))
    checks = f', "checks": [{found}]' if found else ""
    return (
        f'{{"expression": {dumps(program.text)}, "output": {dumps(result.output)}, '
        f'"value": {json_number(result.value)}, '
        f'"gradient": {{{gradient}}}, "inputs": {{{inputs}}}, "stages": [{stages}], '
        f'"warnings": [{warnings}]{checks}}}\n'
    )


def _shape_member(line: Node, program: Program) -> str:
    """The shape of a stage, in a program over arrays."""
    return f'"shape": {list(program.shapes[line])}, ' if program.shapes else ""


def check_json(check: Check) -> str:
    """What a method found, as a JSON object; the largest difference only where there is one."""
    from json import dumps

    words = {"method": check.method, "status": check.status}
    if check.verdict not in ("agrees", "DISAGREES", "skipped"):
        words["verdict"] = check.verdict
    if check.reason:
        words["reason"] = check.reason
    members = [f"{dumps(key)}: {dumps(word)}" for key, word in words.items()]
    if isfinite(check.difference):
        members.append(f'"max_relative_difference": {check.difference!r}')
    return f"{{{', '.join(members)}}}"


def only(result: Result, name: str, as_json: bool = False) -> str:
    """The one number that is asked for by name."""
    program, evaluation, names = result.program, result.evaluation, result.names
    found = {names.gradient[base]: gradient for base, gradient in gradients(result).items()}
    for leaf in program.inputs:
        if base_of(leaf) in result.inputs:
            found.setdefault(names.gradient_of(leaf), evaluation.gradient(leaf))
    for line in program.lines:
        if asked(line, evaluation):
            found.setdefault(names.gradient_of(line), evaluation.gradient(line))
        found.setdefault(names.of[line], evaluation.value(line))
    if name not in found:
        hint = did_you_mean(name, list(found)) or f"for example {result.output} or {next(iter(found))}"
        raise UsageMistake(f"--only: there is no '{name[:60]}'", hint=hint)
    return (json_number(found[name]) if as_json else plain(found[name])) + "\n"


def deliver(text: str, path: str | None) -> None:
    """Text to standard output or to a file; `-` is standard output too."""
    if path is None or path == "-":
        console.write(text)
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageMistake(f"{path[:120]} cannot be written: {error.strerror}") from None
