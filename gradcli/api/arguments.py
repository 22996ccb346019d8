"""What a caller hands over, numbers, lists, arrays and mappings by name, to the value of each variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.errors import PointMistake, listed
from gradcli.point import Point
from gradcli.program import Program


def together(
    program: Program, by_position: Sequence[Any], by_name: Mapping[str, Any], spelled: Sequence[str]
) -> dict[str, Any]:
    """The values by variable.

    by_position: in the order of the variables, None where nothing is given; the first may be a mapping of names to
    values. spelled: how Python spells the variables (`lambda_`). Raises PointMistake for a name given twice.
    """
    given = list(by_position)
    found: dict[str, Any] = {}
    if given and isinstance(given[0], Mapping):
        found.update(given[0])
        given[0] = None
    names = program.variables
    called = dict(zip(spelled, names, strict=True))
    named = [(names[place], value) for place, value in enumerate(given) if value is not None]
    named += [(name if name in names else called.get(name, name), value) for name, value in by_name.items()]
    twice = [name for place, (name, _) in enumerate(named) if name in found or name in dict(named[:place])]
    if twice:
        raise PointMistake(f"given twice: {listed(twice)}", hint="each name is bound once")
    return found | dict(named)


def is_array(value: Any) -> bool:
    """Whether a value is more than a number: a list, a tuple, or an array of any library."""
    return isinstance(value, list | tuple) or bool(getattr(value, "ndim", 0))


def point_of(values: Mapping[str, Any]) -> Point:
    """The point that the values are: floats, and nested lists of floats. Raises PointMistake."""
    return Point({name: _plain(name, value) for name, value in values.items()}, frozenset())


def _plain(name: str, value: Any) -> Any:
    if getattr(value, "ndim", 0):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(name, part) for part in value]
    return number(name, value)


def number(name: str, value: Any) -> float:
    """A number as a float. Raises PointMistake for what is none."""
    if isinstance(value, str | bytes) or (not hasattr(value, "__float__") and not hasattr(value, "__index__")):
        shown = f"'{value[:40]}'" if isinstance(value, str) else f"of type {type(value).__name__[:40]}"
        raise PointMistake(f"the value of '{name[:60]}' is no number: {shown}", hint="a value is a number or an array")
    try:
        return float(value)
    except OverflowError:
        raise PointMistake(f"the value of '{name[:60]}' is too large for a float") from None
    except (TypeError, ValueError):
        raise PointMistake(f"the value of '{name[:60]}' is no real number") from None
