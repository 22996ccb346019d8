"""The kernel: a mapping of arrays to a mapping of arrays, by the NumPy code that gradcli generates.

It imports the code generator's assignments and lines, and nothing else of it. The text that is compiled here holds
nothing that a user wrote but names that were checked and numbers that were parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.batch import elementary
from gradcli.batch.table import Array
from gradcli.codegen import target_called
from gradcli.codegen.code import Code, coded
from gradcli.codegen.lines import Writer
from gradcli.gates import GATES
from gradcli.graph import Input, Node
from gradcli.naming import Names
from gradcli.printer import Dialect
from gradcli.program import Program, base_of

Kernel = Callable[[Mapping[str, Array]], dict[str, Array]]


def kernel(program: Program, names: Names, ties: str = "first", wrt: Sequence[str] | None = None) -> Kernel:
    """The function that computes a block of rows.

    In: for each input, spelled as in the program ("x", "w[0]"), its numbers, shape (rows,). Out: by name, the numbers
    of each stage that the output needs, and the gradient of each input of the variables in `wrt` (all if None),
    shape (rows,), or () where there are no inputs. Nothing raises because of a value; a row's numbers are those of
    `evaluate`, bit for bit.
    """
    code = _assignments(program, ties, wrt)
    compute = _compiled(_source(code, dict(_results(code, names))))
    shapes = {variable.name: variable.shape for variable in code.variables}

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(all="ignore"):
            found: dict[str, Any] = compute(*(_argument(name, shape, inputs) for name, shape in shapes.items()))
        rows = np.shape(next(iter(inputs.values()))) if inputs else ()
        return {name: np.broadcast_to(np.asarray(numbers, np.float64), rows) for name, numbers in found.items()}

    return run


def _assignments(program: Program, ties: str, wrt: Sequence[str] | None) -> Code:
    """The program in NumPy, but for the elementary functions; an element's gradient is that of its row, not a sum."""
    target = target_called("numpy")
    dialect = _exact(target.dialect)._replace(fixed=_exact(target.dialect.fixed or target.dialect))
    target = target._replace(dialect=dialect, helpers={}, reduced=lambda value, element: value)
    own = [name for name in GATES if name not in dialect.forms]
    return coded(program, target, "plain", ties, wrt, {}, (FUNCTION, *own, *map(elementary.called, elementary.NAMES)))


def _exact(dialect: Dialect) -> Dialect:
    """The dialect with elementary functions that are math's."""
    return dialect._replace(forms={**dialect.forms, **elementary.forms()}, form=None)


def _argument(name: str, shape: tuple[int, ...], inputs: Mapping[str, Array]) -> Array:
    """A variable's numbers: an array of shape (rows,), or (*shape, rows) for one with elements."""
    if not shape:
        return inputs[name]
    places = list(np.ndindex(shape))
    rows = len(next(iter(inputs.values())))
    found = np.zeros((*shape, rows))  # an element that the program does not use stays 0
    for place in places:
        numbers = inputs.get(str(Input(name, place)))
        if numbers is not None:
            found[place] = numbers
    return found


# -- the text -----------------------------------------------------------------------------

FUNCTION = "_rows"


def _source(code: Code, results: dict[str, str]) -> str:
    """A function of the variables that returns the results by name."""
    writer = Writer(code)
    body = [*writer.forward(), *_seed(code), *writer.backward()]
    helpers = [line for function in writer.functions() for line in function]
    entries = ", ".join(f"{name!r}: {spelled}" for name, spelled in results.items())
    arguments = ", ".join(variable.spelled for variable in code.variables)
    indented = [f"    {line}" for line in (*body, f"return {{{entries}}}")]
    return "\n".join([*helpers, f"def {FUNCTION}({arguments}):", *indented])


def _seed(code: Code) -> Iterator[str]:
    yield f"{code.names[code.gradients[code.program.output]]} = np.ones_like({code.output})"


def _results(code: Code, names: Names) -> Iterator[tuple[str, str]]:
    """What is returned: the program's name of a number, and what the text calls it."""
    for _, line in code.stages:
        yield names.of[line], code.names[line]
    gradients = {variable.name: variable for variable in code.wanted}
    for leaf in code.program.inputs:
        variable = gradients.get(base_of(leaf))
        if variable is not None:
            yield names.gradient_of(leaf), _element(code, leaf, variable.gradient, variable.shape)


def _element(code: Code, leaf: Node, name: str, shape: tuple[int, ...]) -> str:
    assert isinstance(leaf.static, Input)
    return code.target.element(name, leaf.static.places, shape) if leaf.static.places else name


def _compiled(source: str) -> Callable[..., dict[str, Any]]:
    names: dict[str, Any] = {"__builtins__": {}, "np": np}
    names |= {elementary.called(name): elementary.function(name) for name in elementary.NAMES}
    exec(source, names)
    compute: Callable[..., dict[str, Any]] = names[FUNCTION]
    return compute
