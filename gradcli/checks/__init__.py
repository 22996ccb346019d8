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
SAMPLED = ("numeric", "forward")  # what also has a way for arrays that are too large to be written out
LARGEST = 5_000  # gates, written out in entries; each takes about a millisecond


def checked(evaluation: Evaluation, methods: list[str], wrt: list[str] | None = None) -> list[Check]:
    """What each method says about the gradients of an evaluation.

    methods: keys of METHODS. wrt: the variables that were asked for; all if None.
    """
    from gradcli.checks.referee import settled
    from gradcli.checks.verdict import skipped
    from gradcli.entry_writer import TooLarge

    scene, reason = None, ""
    try:
        scene = _scene(evaluation, wrt)
    except TooLarge:
        reason = "written out in entries the program has too many gates"
    except ValueError as error:
        return [skipped(method, str(error)) for method in methods]
    if scene is not None and not (evaluation.program.shapes and len(scene.nodes) > LARGEST):
        return settled(scene, [_asked(method, scene) for method in methods])
    return [
        _sampled(method, evaluation, wrt)
        if method in SAMPLED
        else _asked(method, scene)
        if scene is not None
        else skipped(method, reason)
        for method in methods
    ]


def _scene(evaluation: Evaluation, wrt: list[str] | None) -> Scene:
    """What the methods look at; a program over arrays is written out in entries. Raises ValueError, TooLarge."""
    from gradcli.checks.precise import UnknownGate
    from gradcli.checks.scene import Scene

    if not evaluation.program.shapes:
        return Scene(evaluation, wrt)
    from gradcli.checks.entrywise import scene_of

    try:
        return scene_of(evaluation, wrt)
    except UnknownGate as error:
        raise ValueError(f"mpmath has no function {error}") from None


def _sampled(method: str, evaluation: Evaluation, wrt: list[str] | None) -> Check:
    from gradcli.checks import sampled
    from gradcli.checks.verdict import skipped

    try:
        return sampled.numeric(evaluation, wrt) if method == "numeric" else sampled.forward(evaluation, wrt)
    except TimeoutError as error:
        return skipped(method, str(error))


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
