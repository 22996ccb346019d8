"""Independent checks of a gradient: sympy, mpmath, dual numbers, finite differences."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.checks.scene import Scene
    from gradcli.checks.verdict import Check
    from gradcli.evaluate import Evaluation

# Method -> the module that has it; what a method needs is loaded when it is asked for.
METHODS = {"sympy": "symbolic", "numeric": "numeric", "forward": "forward", "difference": "difference"}
ALL = "all"


def checked(evaluation: Evaluation, methods: list[str], wrt: list[str] | None = None) -> list[Check]:
    """What each method says about the gradients of an evaluation.

    methods: keys of METHODS. wrt: the variables that were asked for; all if None.
    """
    from gradcli.checks.referee import settled
    from gradcli.checks.verdict import skipped

    try:
        scene = _scene(evaluation, wrt)
    except ValueError as error:
        return [skipped(method, str(error)) for method in methods]
    return settled(scene, [_asked(method, scene) for method in methods])


def _scene(evaluation: Evaluation, wrt: list[str] | None) -> Scene:
    """What the methods look at; a program over arrays is written out in entries. Raises ValueError."""
    from gradcli.checks.precise import UnknownGate
    from gradcli.checks.scene import Scene

    if not evaluation.program.shapes:
        return Scene(evaluation, wrt)
    from gradcli.checks.entrywise import MOST, scene_of
    from gradcli.entry_writer import TooLarge

    try:
        return scene_of(evaluation, wrt)
    except TooLarge:
        raise ValueError(f"written out in entries the program has more than {MOST} gates") from None
    except UnknownGate as error:
        raise ValueError(f"mpmath has no function {error}") from None


def _asked(method: str, scene: Scene) -> Check:
    from gradcli.checks.precise import UnknownGate
    from gradcli.checks.verdict import skipped

    check: Callable[[Scene], Check] = import_module(f"gradcli.checks.{METHODS[method]}").check
    scene.give_time()
    try:
        return check(scene)
    except TimeoutError as error:
        return skipped(method, str(error))
    except UnknownGate as error:
        return skipped(method, f"mpmath has no function {error}")
