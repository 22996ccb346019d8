"""`gradcli check`: the staged gradient held against independent methods, with a verdict."""

from __future__ import annotations

import sys
from typing import NamedTuple

import click

from gradcli.calculate import calculated, varying
from gradcli.checks import ALL
from gradcli.cli import arguments, cases, checking, console, reports, results
from gradcli.errors import GradError, UsageMistake
from gradcli.findings import findings
from gradcli.point import Point, read_point
from gradcli.staging import stage


class Question(NamedTuple):
    """What is asked of each program and point."""

    asked: arguments.Request
    method: str
    strict: bool

    def answer(self, text: str, point: Point) -> reports.Report:
        """The gradient, checked. Raises GradError."""
        program = stage(text, self.asked.fuse)
        inputs = self.asked.inputs(program)
        evaluation, _ = calculated(program, point, self.asked.ties, inputs, self.asked.fuse)
        checks = checking.run(evaluation, self.method, inputs, self.strict)
        found = findings(evaluation, self.asked.ties)
        warnings = [finding for finding in found if finding.kind != "remark"]
        if self.strict and warnings:
            raise UsageMistake(warnings[0].message, warnings[0].span, "--strict makes warnings errors", text)
        return reports.report(
            results.Result(evaluation, point.values, inputs or varying(evaluation.program), found, checks)
        )


@click.command(
    "check",
    cls=arguments.Command,
    short_help="Holds the staged gradient against independent methods, with a verdict.",
    epilog="""\b
Examples:
  gradcli check "x*y" --at x=3,y=-4
  gradcli check "relu(x) - relu(-x)" --at x=0 --method numeric
  echo '{"expr": "sqrt(x)", "at": {"x": 2}}' | gradcli check --cases -""",
)
@arguments.request
@click.option("--method", type=click.Choice(checking.CHOICES), default=ALL, help="One method instead of all.")
@click.option("--cases", "many", metavar="FILE", help='JSON lines {"expr": ..., "at": {...}}; - is standard input.')
@arguments.formats(["table", "json"])
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@arguments.output("Write the result to FILE.")
def command(
    asked: arguments.Request,
    method: str,
    many: str | None,
    form: str | None,
    strict: bool,
    output: str | None,
) -> int:
    """Hold the gradient of EXPR at a point against sympy, a precise re-run, dual numbers and differences.

    Exit status 1 if and only if a gradient is wrong.
    """
    form = form or ("table" if output is None and console.is_terminal(sys.stdout) else "lines")
    question = Question(asked, method, strict)
    if many is not None:
        if asked.expr is not None or asked.file is not None or asked.at:
            raise UsageMistake("--cases brings its own expressions and points", hint="leave out EXPR, -f and --at")
        return cases.run(many, question.answer, form, output)
    text, title = asked.text()
    try:
        report = question.answer(text, read_point(asked.at))
    except GradError as error:
        raise error.inside(text, title) from None
    for finding in report.result.findings[:10]:
        console.warn(finding, text, title)
    reports.deliver(report, form, output)
    return checking.status(report.result.checks)
