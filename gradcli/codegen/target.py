"""What a language must say so that gradcli can write it. One record a language, and no mathematics in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradcli.printer import Dialect

if TYPE_CHECKING:
    from gradcli.codegen.code import Code, Variable

Guards = Sequence[tuple[str, str]]

FORMS = ("function", "script", "lines")
STYLES = ("plain", "note", "df")


class Line(NamedTuple):
    """`name = value`. accumulates: `name += value`; makes: the name is new; changes: it is assigned again below."""

    name: str
    value: str
    accumulates: bool = False
    makes: bool = True
    changes: bool = False


class Options(NamedTuple):
    """What the user asked for beside the program.

    form: function, script or lines. style: plain, note or df. name: of the function; the language's own if empty.
    point: values of the variables, for a script. selfcheck: whether a script ends with a check of itself.
    inplace: whether arrays are computed in memory that is made once.
    """

    form: str = "function"
    style: str = "plain"
    name: str = ""
    selfcheck: bool = False
    point: Mapping[str, Any] = {}
    inplace: bool = False


def nested_element(name: str, places: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """An element of lists in lists: w[0], W[1][2]."""
    return name + "".join(f"[{place}]" for place in places)


class Target(NamedTuple):
    """A language.

    dialect: how it spells expressions; a gate without a form there is defined by the table, in a function of its own.
    words: names that its code cannot use for variables. greek: whether names may have Greek letters.
    guarded: whether a nan shows in the gradients of every gate; else only where its own arithmetic shows it.
    pairs: whether its max and min take two operands only. comment: a line of comment.
    assign: a Line as text.
    function: the name, the parameters and the value of a small function -> its lines.
    early: the same, and pairs of a condition and a value with which it returns early, if the language can.
    frame: the whole text, line by line. called: the name of its function if the user gives none.
    quick: whether it may take rules that save a division and round once more than eval.
    behind: what the name of a scalar input's gradient has at its end while it is added up, where `dx` is a pointer.
    nothing: the value of a gradient where nothing flows, if it is not 0.
    seeded: whether the gradient of the output is a variable, as it is where outputs are arrays.
    element: name, index and shape -> one element of a variable.
    lists: whether a gradient of elements may be written as a list.
    zeros: the lines that make a gradient with elements, given the variable and the elements that receive nothing.
    owned: a value that is another variable's, as new memory, for languages whose variables share it.
    reduced: what an input is sent, in the shape of the input; whether that is one element.
    helpers: small functions of its own, where its library has a gate in another shape.
    notes: the dialect of the styles note and df.
    selfcheck: whether a script can end with a check of itself.
    """

    name: str
    dialect: Dialect
    words: frozenset[str]
    comment: Callable[[str], str]
    assign: Callable[[Line], str]
    function: Callable[[str, list[str], str], list[str]]
    frame: Callable[[Code, Options], Iterator[str]]
    called: str = "value_and_gradient"
    early: Callable[[str, list[str], str, Guards], list[str]] | None = None
    greek: bool = True
    guarded: bool = True
    pairs: bool = True
    quick: bool = False
    behind: str = ""
    nothing: Callable[[Variable], str] = lambda variable: ""
    seeded: bool = False
    element: Callable[[str, tuple[int, ...], tuple[int, ...]], str] = nested_element
    lists: bool = False
    zeros: Callable[[Variable, list[tuple[int, ...]]], list[str]] = lambda variable, untouched: []
    owned: Callable[[str], str] = str
    reduced: Callable[[str, bool], str] = lambda value, element: value
    helpers: Mapping[str, list[str]] = {}
    notes: Dialect | None = None
    selfcheck: bool = True


def spelling(names: Iterable[str], target: Target, reserved: Iterable[str] = ()) -> dict[str, str]:
    """One name in the language for each name, all different; most stay as they are.

    What the language cannot have gets underscores at its end; Greek letters are spelled out where it has none.
    """
    names, taken = list(names), {*target.words, *reserved}
    found = {name: name for name in names if name not in taken and (name.isascii() and name[0] != "_")}
    others = {name: _in_letters(name, target) for name in names if name not in found}
    found |= {name: name for name, plain in others.items() if name == plain and name not in taken}
    taken.update(found)
    for name in [name for name in others if name not in found]:
        plain = others[name]
        while plain in taken:
            plain += "_"
        found[name] = plain
        taken.add(plain)
    return found


def _in_letters(name: str, target: Target) -> str:
    """A name in the letters of the language."""
    if target.greek:
        return name
    plain = name if name.isascii() else "".join(map(_letter, name))
    bare = plain.lstrip("_")
    if not plain.startswith("__") and not (plain.startswith("_") and bare[:1].isupper()):
        return plain
    front = "" if bare[:1].isalpha() else "v"  # names that begin with __ or _A are the compiler's own
    return front + bare + "_" * (len(plain) - len(bare))


def _letter(sign: str) -> str:
    """A Greek letter's name: alpha, Omega."""
    if sign.isascii():
        return sign
    from unicodedata import name

    words = name(sign).replace("LAMDA", "LAMBDA").split()
    spelled = "".join(words[3:]).lower()
    return spelled.capitalize() if words[1] == "CAPITAL" else spelled
