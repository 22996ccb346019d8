"""`gradcli draw`: the circuit, values in green, gradients in red."""

from __future__ import annotations

from pathlib import PurePath

import click

from gradcli.calculate import calculated
from gradcli.cli import arguments, console, results
from gradcli.draw import ENDINGS, FORMATS
from gradcli.draw.circuit import circuit_of
from gradcli.errors import GradError
from gradcli.evaluate import Evaluation
from gradcli.point import read_point
from gradcli.staging import stage


@click.command(
    "draw",
    cls=arguments.Command,
    short_help="The circuit: values green, gradients red.",
    epilog="""\b
Examples:
  gradcli draw "(x + y) * z" --at x=-2,y=5,z=-4
  gradcli draw "1/(1 + exp(-(w*x + b)))" --no-fuse --at w=2,x=-1,b=3 -o neuron.svg
  gradcli draw "x * sigmoid(y)" --at x=3,y=-4 -o steps.svg""",
)
@arguments.expression
@arguments.point
@arguments.differentiation
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="The kind of picture; by FILE's ending if not given."
)
@click.option("-o", "output", metavar="FILE", help="Write the picture to FILE.")
def command(
    expr: str | None,
    file: str | None,
    at: tuple[str, ...],
    ties: str,
    wrt: str | None,
    no_fuse: bool,
    form: str | None,
    output: str | None,
) -> None:
    """Draw the circuit of EXPR: at a point with the value above each wire and the gradient below it."""
    form = form or (ENDINGS.get(PurePath(output).suffix.lower()) if output else None) or "terminal"
    text, title = arguments.program_text(expr, file)
    try:
        program = stage(text, fuse=not no_fuse)
        inputs = arguments.chosen_inputs(wrt, program)
        evaluation: Evaluation | None = None
        if at:
            evaluation, unused = calculated(program, read_point(at), ties, inputs, fuse=not no_fuse)
            program = evaluation.program
            if unused:
                console.remark(f"the program does not use {', '.join(unused[:8])}")
    except GradError as error:
        raise error.inside(text, title) from None
    circuit = circuit_of(program, evaluation)
    if form == "terminal":
        from gradcli.draw.terminal import terminal

        rows = terminal(circuit, console.width(), plain=not console.takes_unicode(output))
        console.show_drawing(rows, output)
    else:
        from gradcli.draw.svg import svg

        results.deliver(svg(circuit), output)
