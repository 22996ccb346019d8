"""The group of commands, and the only place that turns an exception into an exit status."""

from __future__ import annotations

import gc
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while modules load ends the process without a traceback
gc.disable()  # a short process frees nothing worth the search; before click is imported, whose start it shortens

import contextlib
import importlib
import os
import sys
from typing import NoReturn

import click

from gradcli import __version__
from gradcli.cli import console
from gradcli.errors import GradError, UsageMistake, did_you_mean

DONE, DISAGREES, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
COMMANDS = ("eval", "codegen", "check", "diagnose", "draw", "explain", "gates")


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"gradcli.cli.{cmd_name}_command").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            hint = did_you_mean(args[0], list(COMMANDS)) or "the commands are " + ", ".join(COMMANDS)
            raise UsageMistake(f"no such command: '{args[0][:60]}'", hint=hint)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradcli")
def commands() -> None:
    """Gradients of expressions, staged and named as a person would compute them.

    \b
    gradcli eval "x*y" --at x=3,y=-4
    gradcli eval "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)" --at x=3,y=-4
    gradcli gates
    """


def main() -> NoReturn:
    """Run the command line and end the process with its status."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console.make_output_safe()
    status = _status()
    with contextlib.suppress(OSError):  # what an interrupted command has printed so far; a failure has been reported
        sys.stdout and sys.stdout.flush()
    os._exit(status)  # a million nodes are not worth taking apart one by one


def _run(args: list[str]) -> int:
    """Invoke the command; not by click's own main, which answers 1 for a closed pipe."""
    if "_GRADCLI_COMPLETE" in os.environ:
        commands.main(prog_name="gradcli")
    if not args:
        raise UsageMistake("no command is given", hint=f"the commands are {', '.join(COMMANDS)}; gradcli --help")
    with commands.make_context("gradcli", args) as context:
        result = commands.invoke(context)
    return result if isinstance(result, int) else DONE


def _in_our_words(error: click.ClickException) -> UsageMistake:
    """A usage error of click's with our hints."""
    if isinstance(error, click.NoSuchOption):
        known = ["--version", "--help"]
        return UsageMistake(
            f"no such option: {error.option_name[:60]}", hint=did_you_mean(error.option_name, known) or "gradcli --help"
        )
    if isinstance(error, click.BadParameter) and error.param and isinstance(error.param.type, click.Choice):
        choices = [str(choice) for choice in error.param.type.choices]
        given = error.message.partition("'")[2].partition("'")[0]
        hint = did_you_mean(given, choices) or "one of " + ", ".join(choices)
        return UsageMistake(f"{error.param.opts[0]} cannot be '{given[:60]}'", hint=hint)
    message = error.format_message().rstrip(".")
    return UsageMistake(message[:1].lower() + message[1:])


def _status() -> int:
    try:
        status = _run(sys.argv[1:])
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except GradError as error:
        console.fail(error)
        return BAD_INPUT
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        console.fail(_in_our_words(error))
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:
        console.fail(UsageMistake(f"the result cannot be written: {error.strerror}"))
        return BAD_INPUT
    except MemoryError:
        console.fail(UsageMistake("there is not enough memory for this"))
        return BAD_INPUT
