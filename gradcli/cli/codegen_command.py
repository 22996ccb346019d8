"""`gradcli codegen`: runnable staged backprop code in another language."""

from __future__ import annotations

import click

from gradcli.cli import arguments, console, results
from gradcli.codegen import TARGETS, generate
from gradcli.codegen.target import FORMS, STYLES, Options
from gradcli.errors import GradError, UsageMistake
from gradcli.gates import GATES
from gradcli.naming import names_of
from gradcli.point import Point, bind, read_point, unused_names
from gradcli.program import Program
from gradcli.staging import stage


@click.command(
    "codegen",
    cls=arguments.Command,
    short_help="Runnable staged backprop code in one of several languages.",
    epilog="""\b
Examples:
  gradcli codegen "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
  gradcli codegen "max(x, y) * z" --target c --name gradient
  gradcli codegen "sin(x) * y" --form script --selfcheck --at x=3,y=-4""",
)
@arguments.request
@arguments.shape
@click.option("--target", type=click.Choice(TARGETS), default="python", help="The language.")
@click.option("--form", type=click.Choice(FORMS), default="function", help="What is written around the lines.")
@click.option("--style", type=click.Choice(STYLES), default="plain", help="Plain, or every local gradient written out.")
@click.option("--name", metavar="NAME", default="", help="The name of the function.")
@click.option("--selfcheck", is_flag=True, help="End a script with a check by centred differences.")
@click.option("--inplace", is_flag=True, help="NumPy over arrays: compute in memory that is made once.")
@arguments.output("Write the code to FILE.")
def command(
    asked: arguments.Request,
    shapes: tuple[str, ...],
    target: str,
    form: str,
    style: str,
    name: str,
    selfcheck: bool,
    inplace: bool,
    output: str | None,
) -> None:
    """Code that computes EXPR and its gradient by staged backpropagation, in one of several languages."""
    if selfcheck and form != "script":
        raise UsageMistake("--selfcheck is for scripts", hint="add --form script")
    text, title = asked.text()
    try:
        program = stage(text, fuse=asked.fuse)
        inputs = asked.inputs(program)
        point = read_point(asked.at)
        program = _with_shapes(program, shapes, point, asked.fuse)
        if asked.at and not program.shapes:
            bind(program, point)
        options = Options(form, style, name, selfcheck, point.values, inplace)
        code = generate(program, target, options, asked.ties, inputs)
    except GradError as error:
        raise error.inside(text, title) from None
    if output is None:
        console.show_code(code, target)
    else:
        results.deliver(code, output)


def _with_shapes(program: Program, shapes: tuple[str, ...], point: Point, fuse: bool) -> Program:
    """The program over arrays, if it has any: of the shapes that --shape declares, or those of the point.

    Raises UsageMistake, ShapeMistake, PointMistake.
    """
    if shapes:
        from gradcli.declared import declared_shapes
        from gradcli.shapes import shaped

        declared = declared_shapes(program, shapes)
        if program.graph.arrays or any(declared.get(str(leaf.static)) for leaf in program.inputs):
            return shaped(program, declared, fuse)
        return program
    if program.graph.arrays and point.values:
        import numpy as np

        from gradcli.shapes import shaped

        names = dict.fromkeys(program.variables)
        unused_names(program, names, point, names_of(program).gradient[program.graph.output])
        return shaped(program, {name: np.shape(point.values[name]) for name in names}, fuse)
    if program.graph.arrays:
        node = next(node for node in program.graph.nodes if node.operands and node.gate.name not in GATES)
        example = ",".join(f"{name}=..." for name in program.variables[:8])
        raise UsageMistake(
            "code over arrays needs the shapes of its inputs",
            node.span,
            f"--shape {example}, each as 5x10, or () for a number; or --at with their values",
        )
    return program
