"""A program as a Python function of numbers, as fast as lines that a person writes.

It is the code that `codegen --target python` writes, with other spellings where those would differ from `evaluate`
at an infinity or a nan. What is compiled here holds nothing that a user wrote but names that were checked and numbers
that were parsed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from json import dumps
from typing import Any

from gradcli.codegen import target_called
from gradcli.codegen.code import Code, coded
from gradcli.codegen.lines import Writer
from gradcli.codegen.target import Target
from gradcli.formula import formula
from gradcli.gates import GATES, parameters
from gradcli.graph import Node
from gradcli.ieee import FUNCTIONS
from gradcli.printer import Dialect, Name, operand_text
from gradcli.program import Program
from gradcli.rows import PLAIN_FUNCTIONS, RAISED

NAME = "value_and_gradient"
Function = Callable[..., tuple[Any, dict[str, Any]]]
Otherwise = Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, dict[str, Any]]]


def function(program: Program, ties: str, wrt: Sequence[str] | None, otherwise: Otherwise) -> Function:
    """value_and_gradient(x, y) -> f, {"x": dx, "y": dy} of a program of numbers, bit for bit that of `evaluate`.

    otherwise: is asked with the arguments by position and those by name where they are not all floats, and where
    Python's arithmetic raises. Raises PointMistake where a name is used as a number and as a list.
    """
    target = _target()
    code = coded(program, target, "plain", ties, wrt, {}, _scope(otherwise))
    names = _scope(otherwise)
    exec("\n".join(_source(code)), names)
    compiled: Function = names[NAME]
    return compiled


def _called(name: str) -> str:
    """What the text calls a function, so that no variable has the name."""
    return f"_{name}"


def _scope(otherwise: Otherwise) -> dict[str, Any]:
    """All that the text can name."""
    scope: dict[str, Any] = {"__builtins__": {}, "type": type, "len": len, "float": float, "list": list}
    scope |= {_called(name): PLAIN_FUNCTIONS[name] for name in FUNCTIONS} | {"_pow": math.pow, "_inf": math.inf}
    return scope | {"_RAISED": RAISED, "_otherwise": otherwise, "_named": None, NAME: None}


@cache
def _target() -> Target:
    """Python, with the functions that `evaluate` uses and a nan of every gate in its gradients."""
    target = target_called("python")
    constants = {"pi": repr(math.pi), "e": repr(math.e)}
    calls = {name: GATES[name].form.replace(f"{name}(", f"{_called(name)}(") for name in FUNCTIONS}
    forms = {**target.dialect.forms, **calls, "pow": "_pow(a, b)"}
    # every number is a float: Python is twice as fast where both operands are
    dialect = target.dialect._replace(forms=forms, constants=constants, operand=None)
    inlined = dialect._replace(form=lambda node, name: _inlined(node, name, dialect))
    return target._replace(dialect=inlined, guarded=True, pairs=False, helpers={})


def _inlined(node: Node, name: Name, dialect: Dialect) -> str | None:
    """A gate that the table defines by others, written out where that repeats names only: a call costs more."""
    form = dialect.form(node, name) if dialect.form is not None else None
    gate = node.gate
    if form or not gate.stable or len(parameters(gate)) != len(node.operands):
        return form
    if any(operand.operands and not name(operand) for operand in node.operands):
        return None
    whole = dialect._replace(form=lambda inner, named: _inlined(inner, named, dialect))
    return f"({operand_text(formula(gate.stable), lambda letter: None, whole)})"


def _source(code: Code) -> Iterator[str]:
    """The function: checks of the arguments, the lines, and what else is done."""
    writer = Writer(code)
    lines = [line.partition("  #")[0] for line in (*writer.forward(), *writer.backward()) if line[0] != "#"]
    for helper in writer.functions():
        yield from helper
    spelled = [variable.spelled for variable in code.variables]
    yield f"def {NAME}({''.join(f'{name}=None, ' for name in spelled)}**_named):"
    yield f"    if {' and '.join([*_checks(code), 'not _named'])}:"
    yield "        try:"
    yield from (f"            {line}" for line in lines)
    entries = ", ".join(f"{dumps(variable.name, ensure_ascii=False)}: {variable.gradient}" for variable in code.wanted)
    yield f"            return {code.output}, {{{entries}}}"
    yield "        except _RAISED:"
    yield "            pass"
    yield f"    return _otherwise(({''.join(f'{name}, ' for name in spelled)}), _named)"


def _checks(code: Code) -> Iterator[str]:
    """That each number is a float, and each list has as many numbers as the code takes from it."""
    leaves = dict.fromkeys(code.names[leaf] for leaf in code.program.inputs)
    for variable in code.variables:
        if len(variable.shape) == 1:
            yield f"type({variable.spelled}) is list and len({variable.spelled}) == {variable.shape[0]}"
        elif variable.shape:
            yield "False"  # a matrix of numbers: rare, and long to check
    yield from (f"type({leaf}) is float" for leaf in leaves)
