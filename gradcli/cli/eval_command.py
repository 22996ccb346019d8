"""`gradcli eval`: value and gradient at a point, every stage with its value and gradient."""

from __future__ import annotations

import sys

import click

from gradcli.calculate import calculated, varying
from gradcli.cli import arguments, checking, console, results
from gradcli.errors import GradError, UsageMistake
from gradcli.findings import Finding, findings
from gradcli.point import read_point
from gradcli.staging import stage


@click.command(
    "eval",
    cls=arguments.Command,
    short_help="Value and gradient at a point, every stage with its value and gradient.",
    epilog="""\b
Examples:
  gradcli eval "x*y" --at x=3,y=-4
  gradcli eval "q = x + y; f = q * z" --at x=-2,y=5,z=-4 --json
  echo "max(x, y)" | gradcli eval --at x=4,y=2 --only dx""",
)
@arguments.request
@arguments.formats(["table", "tsv", "json"])
@click.option("--only", metavar="NAME", help="One number: f, a stage, or dx; with --data what is added alone.")
@checking.option
@arguments.table
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@arguments.output("Write the result to FILE.")
def command(
    asked: arguments.Request,
    form: str | None,
    only: str | None,
    check: str | None,
    data: str | None,
    source: str | None,
    to: str | None,
    errors: str | None,
    kernel: str | None,
    engine: str | None,
    strict: bool,
    output: str | None,
) -> int:
    """Value and gradient of EXPR at a point, every stage with its value and gradient."""
    if data is not None:
        from gradcli.batch.work import Wanted
        from gradcli.cli import tables

        wanted = Wanted(source, to, errors, kernel, only, asked.ties, asked.fuse)
        many = tables.Options(data, output, engine, strict, wanted)
        tables.check(many, program_on_stdin=(asked.file or asked.expr or "-") == "-", one_point=form or check)
    alone = {"--from": source, "--to": to, "--errors": errors, "--kernel": kernel, "--engine": engine}
    for name, given in alone.items():
        if given is not None and data is None:
            raise UsageMistake(f"{name} is for tables", hint="--data FILE gives one")
    text, title = asked.text()
    try:
        program = stage(text, fuse=asked.fuse)
        point = read_point(asked.at)
        inputs = asked.inputs(program)
        if data is None:
            evaluation, unused = calculated(program, point, asked.ties, inputs, fuse=asked.fuse)
    except GradError as error:
        raise error.inside(text, title) from None
    if data is not None:
        return tables.run(program, title, point, inputs, many)
    found = findings(evaluation, asked.ties)
    _report(found, unused, text, title, strict)
    checks = checking.run(evaluation, check, inputs, strict)
    result = results.Result(evaluation, point.values, inputs or varying(evaluation.program), found, checks)
    if only is not None:
        results.deliver(results.only(result, only, form == "json"), output)
    elif form == "json":
        results.deliver(results.json_text(result), output)
    elif form == "table" or (form is None and output is None and console.is_terminal(sys.stdout)):
        from gradcli.cli import stage_table

        console.show(stage_table.table(result), output)
    else:
        results.deliver(results.tsv(result), output)
    if form != "json":
        checking.tell(checks)
    return checking.status(checks)


def _report(found: list[Finding], unused: list[str], text: str, title: str, strict: bool) -> None:
    """Warnings to standard error; under --strict the first one is an error."""
    warnings = [finding for finding in found if finding.kind != "remark"]
    if strict and warnings:
        raise UsageMistake(warnings[0].message, warnings[0].span, "--strict makes warnings errors", text, title)
    for finding in found[:10]:
        console.warn(finding, text, title)
    if len(found) > 10:
        console.remark(f"and {len(found) - 10} more warnings like these; --json has them all")
    if unused:
        console.remark(f"the program does not use {', '.join(unused[:8])}")
