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
    from gradcli.checks.verdict import skipped

    if evaluation.program.shapes:
        return [skipped(method, "arrays are not checked yet") for method in methods]
    from gradcli.checks.referee import settled
    from gradcli.checks.scene import Scene

    scene = Scene(evaluation, wrt)
    return settled(scene, [_asked(method, scene) for method in methods])


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
