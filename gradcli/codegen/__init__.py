"""Runnable backprop code in other languages: one file a language, none of which knows mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module

from gradcli.codegen.code import coded
from gradcli.codegen.target import Options, Target
from gradcli.errors import UsageMistake
from gradcli.gates import GATES
from gradcli.program import Program

FRAME = ("agrees", "failures", "forward", "kept", "lowered", "moved", "raised", "results", "scratch", "step")
TARGETS = ("python", "numpy", "c", "javascript", "torch", "jax", "latex")
ARRAYS = ("numpy", "c", "jax", "latex")  # those whose code takes arrays: each has a file NAME_arrays.py

STAGED = ("c", "latex")  # those that write a line for every stage of a program over arrays


def target_called(name: str) -> Target:
    """The record of a language; its file is imported when it is asked for."""
    target: Target = import_module(f"gradcli.codegen.{name}").TARGET
    return target


def generate(
    program: Program, target: str, options: Options, ties: str = "first", wrt: Iterable[str] | None = None
) -> str:
    """The code of a program: value and gradient, line by line.

    target: one of TARGETS; ties: a key of backward.TIES; wrt: the variables whose gradient is asked for, all if None.
    Raises UsageMistake where the language lacks a gate or a check of itself, PointMistake where the point does not fit.
    """
    language = target_called(target)
    if options.selfcheck and not language.selfcheck:
        having = ", ".join(name for name in TARGETS if target_called(name).selfcheck)
        raise UsageMistake(f"--selfcheck: code for {target} has no check of itself", hint=f"these have one: {having}")
    name = _function_name(options.name, language)
    if options.inplace and not (program.shapes and target == "numpy"):
        raise UsageMistake("--inplace is for NumPy over arrays", hint="--target numpy, with the shapes of --shape")
    if program.shapes:
        return _over_arrays(program, target, options._replace(name=name), ties, wrt)
    shapes = {variable: _shape(value) for variable, value in options.point.items()}
    own = [name, f"{name}_forward", f"{name}_backward", *(gate for gate in GATES if gate not in language.dialect.forms)]
    if options.selfcheck:
        own += FRAME
    code = coded(program, language, options.style, ties, wrt, shapes, own)
    return "\n".join(language.frame(code, options._replace(name=name))) + "\n"


def _over_arrays(program: Program, target: str, options: Options, ties: str, wrt: Iterable[str] | None) -> str:
    """The code of a program with shapes. Raises UsageMistake where the language, form or style has no arrays."""
    if target not in ARRAYS:
        raise UsageMistake(
            f"code for {target} is written for programs of numbers, and this one has arrays",
            hint=f"these targets take arrays: {', '.join(ARRAYS)}",
        )
    if options.style != "plain":
        raise UsageMistake(
            f"--style {options.style} is for programs of numbers, and this one has arrays",
            hint="--style plain takes arrays",
        )
    from gradcli.codegen.array_code import array_coded

    if options.inplace:
        from gradcli.codegen.numpy_inplace import inplace_frame

        return "\n".join(inplace_frame(array_coded(program, ties, wrt, inline=False), options)) + "\n"

    language = import_module(f"gradcli.codegen.{target}_arrays")
    return "\n".join(language.array_frame(array_coded(program, ties, wrt, target not in STAGED), options)) + "\n"


def _function_name(name: str, language: Target) -> str:
    """The name of the function, as asked for if the language can have it. Raises UsageMistake."""
    if name and (not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or name in language.words or name in GATES):
        raise UsageMistake(f"--name: '{name[:60]}' is no name for a function in {language.name}")
    return name or language.called


def _shape(value: object) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) and value else ()
