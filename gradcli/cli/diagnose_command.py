"""`gradcli diagnose`: the first wrong line of a backward pass that somebody wrote by hand."""

from __future__ import annotations

import sys

import click

from gradcli.cli import arguments, console, results
from gradcli.errors import GradError, UsageMistake
from gradcli.point import read_point


@click.command(
    "diagnose",
    cls=arguments.Command,
    short_help="Finds the first wrong line of a backward pass written by hand.",
    epilog="""\b
Examples:
  gradcli diagnose samples/diagnose/accumulate.py --at x=3,y=-4
  gradcli codegen "x*sin(x)" --form lines | gradcli diagnose - --at x=2
  echo 'dx = x*df' | gradcli diagnose - --expr "x*y" --at x=3,y=-4 --json""",
)
@click.argument("path", required=False, metavar="FILE|-")
@arguments.point
@click.option("--expr", metavar="EXPR", help="The forward pass, where FILE holds the backward lines alone.")
@click.option("--names", metavar="PATTERNS", help="How gradients are called: 'grad_{}', 'g_{},{}_bar'.")
@click.option("--fix", is_flag=True, help="Print the corrected file.")
@arguments.formats(["table", "json"])
@arguments.output("Write the result to FILE.")
def command(
    path: str | None,
    at: tuple[str, ...],
    ties: str,
    expr: str | None,
    names: str | None,
    fix: bool,
    form: str | None,
    output: str | None,
) -> int:
    """Judge a backward pass in Python, NumPy, C or JavaScript line by line; it is read, never run.

    Exit status 1 if a line is wrong.
    """
    from gradcli.cli import diagnosis
    from gradcli.diagnose import diagnose

    if fix and form is not None:
        raise UsageMistake("--fix prints the corrected file", hint="leave out --json and --format")
    if path is None and sys.stdin is not None and sys.stdin.isatty():
        raise UsageMistake("there is no file", hint="for example: gradcli diagnose backward.py --at x=3,y=-4")
    text, title = arguments.program_text(None, path or "-")
    try:
        found = diagnose(text, read_point(at), expr, names, ties, "" if path in (None, "-") else title)
    except GradError as error:
        raise error.inside(text, title) from None
    form = form or ("table" if output is None and console.is_terminal(sys.stdout) else "lines")
    if fix:
        diagnosis.tell(found, sys.stderr)
        results.deliver(found.corrected, output)
    elif form == "json":
        results.deliver(diagnosis.json_text(found), output)
    elif form == "table":
        diagnosis.show(found, output)
    else:
        results.deliver(diagnosis.lines(found), output)
    return int(not found.right)
