"""gradcli: gradients of expressions, staged and named as a person would compute them.

>>> import gradcli
>>> gradcli.gradient("x*y", x=3, y=-4)
{'x': -4.0, 'y': 3.0}
>>> f = gradcli.compile("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)")
>>> f(3.0, -4.0)
(1.5456448841066441, {'x': 2.0595697955721652, 'y': 1.5922327514838093})
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.api.compiled import Compiled, compile, gradient
    from gradcli.api.shown import Evaluated, Stage
    from gradcli.errors import GradError

__version__ = "0.1.0"
__all__ = ["Compiled", "Evaluated", "GradError", "Stage", "compile", "gradient"]


def __getattr__(name: str) -> object:
    """What is public, loaded when it is asked for: the command line imports this package too."""
    if name not in __all__:
        raise AttributeError(f"module 'gradcli' has no attribute '{name}'")
    from importlib import import_module

    homes = {"GradError": "gradcli.errors", "Evaluated": "gradcli.api.shown", "Stage": "gradcli.api.shown"}
    return getattr(import_module(homes.get(name, "gradcli.api.compiled")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
