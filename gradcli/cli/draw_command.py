"""`gradcli draw`: the circuit, values in green, gradients in red."""

from __future__ import annotations

from pathlib import PurePath

import click

from gradcli.calculate import calculated
from gradcli.cli import arguments, console, results
from gradcli.draw import ENDINGS, FORMATS
from gradcli.draw.circuit import circuit_of
from gradcli.errors import GradError, UsageMistake
from gradcli.evaluate import Evaluation
from gradcli.point import read_point
from gradcli.program import Program
from gradcli.staging import stage

PIXELS = (".png", ".pdf", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tiff", ".eps", ".ps")


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
@arguments.request
@arguments.shape
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="The kind of picture; by FILE's ending if not given."
)
@arguments.output("Write the picture to FILE.")
def command(
    asked: arguments.Request,
    shapes: tuple[str, ...],
    form: str | None,
    output: str | None,
) -> None:
    """Draw the circuit of EXPR: at a point with the value above each wire and the gradient below it."""
    form = form or _form_of(output)
    text, title = asked.text()
    try:
        program = stage(text, fuse=asked.fuse)
        inputs = asked.inputs(program)
        evaluation: Evaluation | None = None
        point = read_point(asked.at)
        if asked.at:
            evaluation, unused = calculated(program, point, asked.ties, inputs, fuse=asked.fuse)
            program = evaluation.program
            if unused:
                console.remark(f"the program does not use {', '.join(unused[:8])}")
        elif shapes:
            program = _shaped(program, shapes, asked.fuse)
    except GradError as error:
        raise error.inside(text, title) from None
    if form == "html":
        from gradcli.draw.html import html

        results.deliver(html(program, evaluation, asked.ties, inputs, point.values if asked.at else {}), output)
    else:
        _deliver(program, evaluation, form, output)


def _form_of(output: str | None) -> str:
    """The format that the name of a file asks for. Raises UsageMistake for pictures that are no text."""
    ending = PurePath(output or "").suffix.lower()
    if ending in PIXELS:
        raise UsageMistake(f"no {ending} is drawn", hint="svg, html, mmd and dot are, and a browser prints them")
    return ENDINGS.get(ending, "terminal")


def _shaped(program: Program, shapes: tuple[str, ...], fuse: bool) -> Program:
    """The program over arrays of the shapes that --shape declares."""
    from gradcli.declared import declared_shapes
    from gradcli.shapes import shaped

    return shaped(program, declared_shapes(program, shapes), fuse)


def _deliver(program: Program, evaluation: Evaluation | None, form: str, output: str | None) -> None:
    """The picture in its format; the modules of the others stay unread."""
    if form == "terminal":
        from gradcli.draw.terminal import terminal

        circuit = circuit_of(program, evaluation)
        rows = terminal(circuit, console.width(), plain=not console.takes_unicode(output))
        console.show_drawing(rows, output)
    elif form == "svg":
        from gradcli.draw.svg import svg

        results.deliver(svg(circuit_of(program, evaluation)), output)
    elif form == "mermaid":
        from gradcli.draw.mermaid import mermaid

        results.deliver(mermaid(circuit_of(program, evaluation, None)), output)
    else:
        from gradcli.draw.dot import dot

        results.deliver(dot(circuit_of(program, evaluation, None)), output)
