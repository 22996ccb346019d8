"""`gradcli explain`: what each gate does to the gradient, in words and numbers."""

from __future__ import annotations

from typing import Any

import click

from gradcli.calculate import calculated
from gradcli.cli import arguments, console, results
from gradcli.errors import GradError
from gradcli.explain import FORMATS, explained
from gradcli.explain.printers import PRINTERS
from gradcli.explain.step import stepped
from gradcli.point import read_point
from gradcli.staging import stage


@click.command(
    "explain",
    cls=arguments.Command,
    short_help="What each gate does to the gradient, in words and numbers.",
    epilog="""\b
Examples:
  gradcli explain "q = x + y; f = q * z" --at x=-2,y=5,z=-4
  gradcli explain "sigmoid(w*x + b)" --at w=2,x=-1,b=3 --step w=0.01
  gradcli explain "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)" --at x=3,y=-4 --format markdown""",
)
@arguments.request
@click.option("--step", metavar="STEP", multiple=True, help="x=0.01: predicted against actual change.")
@click.option("--entries", is_flag=True, help="A small program over arrays, entry by entry.")
@arguments.formats(FORMATS, "How it is told; text if not given.")
@arguments.output("Write it to FILE.")
def command(
    asked: arguments.Request,
    step: tuple[str, ...],
    entries: bool,
    form: str | None,
    output: str | None,
) -> None:
    """Tell what each gate of EXPR does to the gradient at a point, in words and numbers."""
    text, title = asked.text()
    try:
        program = stage(text, fuse=asked.fuse)
        point = read_point(asked.at)
        inputs = asked.inputs(program)
        evaluation, unused = calculated(program, point, asked.ties, inputs, fuse=asked.fuse)
        if entries:
            from gradcli.explain.written_out import written_out

            program = stage(written_out(evaluation), fuse=asked.fuse)
            evaluation, unused = calculated(program, point, asked.ties, inputs, fuse=asked.fuse)
        found = explained(evaluation, point.values, asked.ties, inputs)
        if step:
            found = found._replace(step=stepped(evaluation, _moves(step)))
    except GradError as error:
        raise error.inside(text, title) from None
    if unused:
        console.remark(f"the program does not use {', '.join(unused[:8])}")
    results.deliver(PRINTERS[form or "text"](found), output)


def _moves(step: tuple[str, ...]) -> dict[str, Any]:
    """What --step moves, by variable: it is written like a point."""
    try:
        return read_point(step).values
    except GradError as error:
        error.title = error.title.replace("--at", "--step")
        error.hint = error.hint if "--at" not in error.hint else "a step is written --step x=0.01"
        raise
