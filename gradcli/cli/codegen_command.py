"""`gradcli codegen`: runnable staged backprop code in another language."""

from __future__ import annotations

import click

from gradcli.calculate import numbers_only
from gradcli.cli import arguments, console, results
from gradcli.codegen import TARGETS, generate
from gradcli.codegen.target import FORMS, STYLES, Options
from gradcli.errors import GradError, UsageMistake
from gradcli.point import Point, bind, read_point
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
@arguments.expression
@arguments.point
@arguments.differentiation
@click.option("--target", type=click.Choice(TARGETS), default="python", help="The language.")
@click.option("--form", type=click.Choice(FORMS), default="function", help="What is written around the lines.")
@click.option("--style", type=click.Choice(STYLES), default="plain", help="Plain, or every local gradient written out.")
@click.option("--name", metavar="NAME", default="", help="The name of the function.")
@click.option("--selfcheck", is_flag=True, help="End a script with a check by centred differences.")
@click.option("-o", "output", metavar="FILE", help="Write the code to FILE.")
def command(
    expr: str | None,
    file: str | None,
    at: tuple[str, ...],
    ties: str,
    wrt: str | None,
    no_fuse: bool,
    target: str,
    form: str,
    style: str,
    name: str,
    selfcheck: bool,
    output: str | None,
) -> None:
    """Code that computes EXPR and its gradient by staged backpropagation, in one of several languages."""
    if selfcheck and form != "script":
        raise UsageMistake("--selfcheck is for scripts", hint="add --form script")
    text, title = arguments.program_text(expr, file)
    try:
        program = stage(text, fuse=not no_fuse)
        numbers_only(program, "codegen")
        inputs = arguments.chosen_inputs(wrt, program)
        options = Options(form, style, name, selfcheck, _point(program, at).values)
        code = generate(program, target, options, ties, inputs)
    except GradError as error:
        raise error.inside(text, title) from None
    if output is None:
        console.show_code(code, target)
    else:
        results.deliver(code, output)


def _point(program: Program, at: tuple[str, ...]) -> Point:
    """The values that a script begins with; none if no point is given."""
    point = read_point(at)
    if at:
        bind(program, point)
    return point
