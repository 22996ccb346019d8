"""NumPy over arrays in memory that is made once: for a training loop that calls one function many times."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.codegen import pythonic
from gradcli.codegen.array_code import ArrayCode
from gradcli.codegen.buffers import Value, assign_buffers
from gradcli.codegen.inplace_steps import Steps
from gradcli.codegen.numpy_arrays import ArrayWriter
from gradcli.codegen.target import Options
from gradcli.dimensions import Shape
from gradcli.errors import UsageMistake
from gradcli.sizes import Dim

REMARK = (
    "Arrays are made at the first call for the shapes of its arguments: each call writes over the",
    "gradients that the one before has returned. Arguments are never changed.",
)


def inplace_frame(code: ArrayCode, options: Options) -> Iterator[str]:
    """The text of the function, and of the memory that it keeps."""
    if options.form != "function":
        raise UsageMistake(f"--inplace has no --form {options.form}", hint="leave out --form: it writes a function")
    writer = ArrayWriter(code, options)
    steps = Steps(code, writer)
    for leaf in code.program.inputs:
        steps.values[leaf] = Value(code.program.shapes[leaf])
    steps.say("# forward pass")
    steps.forward()
    steps.say("")
    steps.say("# backward pass")
    for line in writer.zeros_first():
        steps.say(line)
    steps.backward()
    output = steps.values.get(code.program.output)
    wanted = {writer.gradient(name) for name in code.wanted}
    returned = [value for name, value in steps.gradients.items() if name in wanted]
    returned += [output] if output else []
    kinds = assign_buffers(steps.steps, returned)
    body = [line for step in steps.steps for line in step.lines(step.makes.buffer if step.makes else -1)]
    missing = list(writer.zeros())
    functions = list(writer.functions())
    if any("math." in line for function in functions for line in function):
        yield from ["import math", ""]
    yield from ["import numpy as np", "", "memory = {}", "", ""]
    for function in functions:
        yield from [*function, "", ""]
    yield f"def {options.name}({', '.join(writer.arguments())}):"
    yield from pythonic.docstring([*writer.sentences(), *REMARK])
    made = _made(code, writer, kinds, steps)
    yield from pythonic.indented([*writer.conversions(), *made, "", *body, *missing, ""])
    yield f"{pythonic.INDENT}{writer.result()}"


def _made(code: ArrayCode, writer: ArrayWriter, kinds: list[tuple[Shape, str]], steps: Steps) -> Iterator[str]:
    """The lines that make the buffers, or find those of the last call."""
    names = [*(f"{steps.buffer}{number}" for number in range(len(kinds))), *steps.ones.values()]
    if not names:
        return
    yield f"shapes = {_tuple([f'{writer.spelled[name]}.shape' for name in code.variables])}"
    yield 'if memory.get("shapes") != shapes:'
    yield '    memory["shapes"] = shapes'
    yield '    memory["buffers"] = ['
    for shape, kind in kinds:
        yield f"        np.empty({_shape(code, writer, shape)}{', dtype=bool' if kind == 'bool' else ''}),"
    for shape in steps.ones:
        yield f"        np.ones({_shape(code, writer, shape)}),"
    yield "    ]"
    for start in range(0, len(names), 8):
        part = _tuple(names[start : start + 8]).strip("()")
        yield f'{part} = memory["buffers"][{start}:{start + 8}]' if len(names) > 8 else f'{part} = memory["buffers"]'


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _shape(code: ArrayCode, writer: ArrayWriter, shape: Shape) -> str:
    return _tuple([_size(code, writer, size) for size in shape])


def _size(code: ArrayCode, writer: ArrayWriter, size: Dim) -> str:
    """A size as a number, or as that of an argument."""
    if isinstance(size, int):
        return str(size)
    shapes = writer.shape_of()
    name = next(name for name in code.variables if size in shapes.get(name, ()))
    return f"{writer.spelled[name]}.shape[{shapes[name].index(size)}]"
