"""What the commands share: EXPR and its neighbours on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from typing import Any, TypeVar

import click

from gradcli.backward import TIES
from gradcli.errors import UsageMistake, did_you_mean, listed
from gradcli.files import read_stdin, read_text
from gradcli.program import Program

SHORT_OPTIONS = ("-f", "-o", "-h")
TABLES = ("csv", "tsv", "jsonl", "parquet")
KERNELS = ("exact", "numpy", "c")
F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose EXPR may begin with a minus: only -f, -o, -h and --words are options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._arranged(ctx, list(args)))

    def _arranged(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The same arguments with all options first, and EXPR behind `--`."""
        takes_value = {
            name: not (isinstance(option, click.Option) and option.is_flag)
            for option in self.get_params(ctx)
            for name in (*option.opts, *option.secondary_opts)
        }
        words = _optional_words(self.get_params(ctx))
        behind_only = ""
        if any(arg.partition("=")[0] == "--data" for arg in args):
            takes_value["--only"] = False  # of a table, all that is added; `--only=dx` of that dx alone
            behind_only = next((word for arg, word in pairwise(args) if arg == "--only"), "")
            args = ["--only=" if arg == "--only" else arg for arg in args]
        options: list[str] = []
        rest: list[str] = []
        while args:
            arg = args.pop(0)
            if arg == "--":
                rest += args
                break
            if not (arg in SHORT_OPTIONS or (arg.startswith("--") and arg[2:3].isalpha())):
                rest.append(arg)
                continue
            name, equals, _ = arg.partition("=")
            if name not in takes_value:
                hint = did_you_mean(name, list(takes_value)) or f"gradcli {ctx.info_name} --help lists them"
                raise UsageMistake(f"no such option: {name[:60]}", hint=hint)
            if name in words and not equals:
                given = args.pop(0) if args and args[0] in words[name] else words[name][0]
                options.append(f"{name}={given}")
                continue
            options.append(arg)
            if takes_value[name] and not equals:
                if not args:
                    raise UsageMistake(f"{name} needs a value")
                options.append(args.pop(0))
        if len(rest) > 1:
            hint = f"--only={behind_only}" if behind_only in rest else _about_words(rest)
            raise UsageMistake(f"one expression is expected, here are {listed(rest)}", hint=hint)
        return [*options, "--", *rest]


def _about_words(words: list[str]) -> str:
    """What several words were meant to be: a point that went on, or an expression without quotes."""
    if all("=" in word and "==" not in word for word in words[1:]):
        return "a point is one word: --at x=3,y=4"
    return f'quote the expression: "{" ".join(words)[:40]}"'


def _optional_words(options: list[click.Parameter]) -> dict[str, list[str]]:
    """The options that need no value, with the words they take: first the one that stands for none."""
    return {
        name: [option.flag_value, *option.type.choices]
        for option in options
        if isinstance(option, click.Option) and not option.is_flag and isinstance(option.flag_value, str)
        if isinstance(option.type, click.Choice)
        for name in option.opts
    }


class Request:
    """What EXPR and the options around it ask for.

    expr, file: where the program comes from. at: points as written. wrt: names as written, all if None.
    fuse: as opposed to one elementary gate a stage.
    """

    __slots__ = ("at", "expr", "file", "fuse", "ties", "wrt")

    def __init__(
        self, expr: str | None, file: str | None, at: tuple[str, ...], ties: str, wrt: str | None, fuse: bool
    ) -> None:
        self.expr = expr
        self.file = file
        self.at = at
        self.ties = ties
        self.wrt = wrt
        self.fuse = fuse

    def text(self) -> tuple[str, str]:
        """The text of the program and what it is called in messages."""
        return program_text(self.expr, self.file)

    def inputs(self, program: Program) -> list[str] | None:
        """The names in --wrt, checked against the program's inputs; None for all."""
        return chosen_inputs(self.wrt, program)


def request(function: Callable[..., Any]) -> Callable[..., Any]:
    """EXPR, -f, --at, --ties, --wrt and --no-fuse; the command gets them as one Request, `asked`."""

    @wraps(function)
    def command(
        expr: str | None,
        file: str | None,
        at: tuple[str, ...],
        ties: str,
        wrt: str | None,
        no_fuse: bool,
        **others: Any,
    ) -> Any:
        return function(asked=Request(expr, file, at, ties, wrt, not no_fuse), **others)

    return expression(point(differentiation(command)))


def formats(choices: Sequence[str], says: str = "How the result is printed.") -> Callable[[F], Callable[..., Any]]:
    """--format and --json, which is the same as --format json; the command gets one of them as `form`."""

    def decorated(function: F) -> Callable[..., Any]:
        @wraps(function)
        def command(form: str | None, as_json: bool, **others: Any) -> Any:
            if as_json and form not in (None, "json"):
                raise UsageMistake(f"--json contradicts --format {form}")
            return function(form="json" if as_json else form, **others)

        option = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")(command)
        return click.option("--format", "form", type=click.Choice(choices), help=says)(option)

    return decorated


def output(says: str) -> Callable[[F], F]:
    """-o FILE, as `output`."""
    return click.option("-o", "output", metavar="FILE", help=says)


def expression(function: F) -> F:
    """EXPR, -f FILE or standard input."""
    function = click.option("-f", "file", metavar="FILE", help="Read the program from FILE.")(function)
    return click.argument("expr", required=False, metavar="EXPR")(function)


def point(function: F) -> F:
    """--at and --ties."""
    function = click.option(
        "--ties",
        type=click.Choice(list(TIES)),
        default="first",
        help="Who takes the gradient of a max or min at a tie.",
    )(function)
    return click.option(
        "--at", multiple=True, metavar="POINT", help="x=3,y=-4 · w=[1,2] · w[0]=1 · W=@w.csv · @point.json"
    )(function)


def differentiation(function: F) -> F:
    """--wrt and --no-fuse."""
    function = click.option("--no-fuse", is_flag=True, help="One elementary gate a stage.")(function)
    return click.option(
        "--wrt",
        multiple=True,
        callback=lambda context, option, given: ",".join(given) if given else None,
        metavar="NAMES",
        help="Only the gradient of these inputs: x,y",
    )(function)


def shape(function: F) -> F:
    """--shape, where no point gives the shapes."""
    return click.option(
        "--shape",
        "shapes",
        multiple=True,
        metavar="SHAPES",
        help="W=5x10,b=10 · with names for sizes: W=mxk,X=kxn · s=() is a number, as is what is not declared.",
    )(function)


def table(function: F) -> F:
    """--data, --from, --to, --errors, --kernel and --engine."""
    choices = click.Choice(TABLES)
    for option in (
        click.option(
            "--engine",
            metavar="dask|ADDRESS",
            help="Parts of a folder through Dask: processes of this machine, or the scheduler at tcp://HOST:PORT.",
        ),
        click.option(
            "--kernel",
            type=click.Choice(KERNELS),
            help="How rows are computed: with the bits of a single point (exact), or faster.",
        ),
        click.option(
            "--errors",
            type=click.Choice(["keep", "skip", "stop"]),
            help="Bad rows: with empty cells (keep), left out, or the end.",
        ),
        click.option("--to", type=choices, help="The format of the result of --data; as the data's if not given."),
        click.option("--from", "source", type=choices, help="The format of --data; by the file's name if not given."),
        click.option("--data", metavar="FILE|FOLDER|-", help="Many points: a table whose columns give the inputs."),
    ):
        function = option(function)
    return function


def program_text(expr: str | None, file: str | None) -> tuple[str, str]:
    """The text of a program and what it is called in messages."""
    if file is not None and expr is not None:
        raise UsageMistake("the program comes from -f FILE or as EXPR, not both")
    if file is not None and file != "-":
        return read_text(file), file
    if expr is None and file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageMistake("there is no expression", hint='for example: gradcli eval "x*y" --at x=3,y=-4')
    if expr is None or expr == "-":
        return read_stdin(), "standard input"
    return expr, ""


def chosen_inputs(wrt: str | None, program: Program) -> list[str] | None:
    """The names in --wrt, checked against the program's inputs."""
    if wrt is None:
        return None
    names = dict.fromkeys(name.strip() for name in wrt.split(",") if name.strip())
    variables = dict.fromkeys(program.variables)
    unknown = [name for name in names if name not in variables]
    if unknown or not names:
        hint = did_you_mean(unknown[0], list(variables)) if unknown else ""
        hint = hint or (f"its inputs are {listed(list(variables))}" if variables else "it has none")
        raise UsageMistake(f"--wrt: the program has no input {listed(unknown) or 'without a name'}", hint=hint)
    return [name for name in variables if name in names]
