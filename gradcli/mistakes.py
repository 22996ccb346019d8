"""What people write that is not the language, and what they meant: messages, places and hints."""

from __future__ import annotations

import re

from gradcli.errors import NameMistake, Span, SyntaxMistake, did_you_mean
from gradcli.gates import GATES, Gate, gate_called, parameters, variadic
from gradcli.graph import CONSTANTS

REDUCTIONS = ("max", "min")  # of an array, in NumPy's signature
WORDS = {
    "and": "for numbers that are 0 or 1 write (a > 0)*(b > 0)",
    "or": "for numbers that are 0 or 1 write max(a > 0, b > 0)",
    "not": "write 1 - a",
    "if": "write where(condition, then, otherwise)",
    "else": "write where(condition, then, otherwise)",
    "for": "there are no loops; write the terms out",
    "in": "there are no loops; write the terms out",
    "is": "write a == b",
    "lambda": "write the expression itself, its letters are inputs",
    "import": "nothing can be imported; functions are there by name",
}
GLUED = r"[\w.]+(?:(?<=[eE])[-+−]\w+)?"
SIGNS = {
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "⋅": "a product is written *",
    "∙": "a product is written *",
    "ϕ": "the Greek letter is φ U+03C6",
    "ϵ": "the Greek letter is ε U+03B5",
    "ϑ": "the Greek letter is θ U+03B8",
    "⁻": "a power is written **, as in x**-1",
    **dict.fromkeys("⁰¹⁴⁵⁶⁷⁸⁹", "a power is written **, as in x**4"),
    **dict.fromkeys("₀₁₂₃₄₅₆₇₈₉", "an index is written x1 or x[1]"),
    "%": "there is no remainder; a percentage is written 0.5",
    "!": "there is no factorial; 'not equal' is written !=",
    "?": "a choice is written where(condition, then, otherwise)",
    ":": "an assignment is written name = expression",
    "{": "group with parentheses ( )",
    "}": "group with parentheses ( )",
    "|": "an absolute value is written abs(x)",
    "&": "for numbers that are 0 or 1 write (a > 0)*(b > 0)",
    "\\": "LaTeX is not read; a line goes on inside parentheses without a sign",
    '"': "there are no strings in the language",
    "'": "there are no strings in the language",
    "°": "angles are in radians: x*pi/180",
    "µ": "this is the micro sign U+00B5; the Greek letter is μ U+03BC",
    "∗": "a product is written *",
    "–": "a minus is written -",
    "—": "a minus is written -",
    "~": "a minus is written -",
}


DECLARED = "write name = expression; the last statement is the output"


def character(text: str, at: int) -> SyntaxMistake:
    """A character that has no meaning here, by code point if it is not plain."""
    sign = text[at]
    if sign == "'" and at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        return SyntaxMistake("a derivative is not written", Span(at, at + 1), "the gradient is what is printed")
    named = f"'{sign}'" if sign.isascii() and sign.isprintable() else _code_point(sign)
    hint = SIGNS.get(sign, "" if sign.isprintable() else "an invisible character, perhaps pasted: delete it")
    return SyntaxMistake(f"{named} is not part of the language", Span(at, at + 1), hint)


def _code_point(sign: str) -> str:
    import unicodedata

    name = unicodedata.name(sign, "no character").lower()
    return f"U+{ord(sign):04X} ({name})"


def operand(text: str, at: int, end: int, ends: bool) -> SyntaxMistake:
    """Something else stands where a number, a name or a parenthesis should."""
    if ends:
        return SyntaxMistake("the expression ends where a number or a name should follow", Span(at, at))
    sign = text[at:end]
    hint = "a power is written ** or ^" if text[at - 1 : end] in ("**", "^^") else ""
    if sign == "[":
        hint = "a list is a value: --at w=[1,2]; group with parentheses ( )"
    if sign == "=" and text[at - 1] in "+-*/":
        hint = "give the new value a name of its own: q2 = q + y"
    return SyntaxMistake(f"a number, a name or '(' should stand before '{sign}'", Span(at, max(end, at + 1)), hint)


def word(text: str, begin: int, at: int, end: int) -> SyntaxMistake:
    """A name or number that follows an operand without an operator; `begin` is where that operand starts."""
    left, right = text[begin:at].strip(), text[at:end].strip()
    if left in ("def", "return", "let", "var", "const", "double", "float"):
        return SyntaxMistake(f"'{left}' is not part of the language", Span(begin, begin + len(left)), DECLARED)
    if right in WORDS or left in WORDS:
        said, span = (right, Span(at, end)) if right in WORDS else (left, Span(begin, begin + len(left)))
        return SyntaxMistake(f"'{said}' is not part of the language", span, WORDS[said])
    message = "an operator is missing"
    if _glued_number(text, begin, at):
        return _bad_number(text, begin)
    if text[end:].lstrip(" \t")[:1] == "=" and text[end:].lstrip(" \t")[:2] != "==":
        return SyntaxMistake(message, Span(at, end), "statements are separated by ';' or a new line")
    if right.endswith("("):
        return SyntaxMistake(message, Span(at, end), "a product is written with *")
    if gate_called(left) is not None:
        return SyntaxMistake(message, Span(at, end), f"a call is written {left}({right})")
    if len(left) <= 20 and len(right) <= 20 and "\n" not in left:
        return SyntaxMistake(message, Span(at, end), f"a product is written {left}*{right}")
    return SyntaxMistake(message, Span(at, end), "a product is written with *")


def _glued_number(text: str, begin: int, at: int) -> bool:
    return begin < at and (text[begin].isdigit() or text[begin] == ".") and not text[at - 1].isspace()


def _bad_number(text: str, begin: int) -> SyntaxMistake:
    """Digits with something glued to them: 2x, 1e, 0xff, 1.2.3, 3(x)."""
    glued = re.compile(GLUED).match(text, begin)  # compiled here: every start would pay for it
    written = glued[0][:60] if glued is not None else "0"
    digits = written
    while digits and not _is_number(digits):
        digits = digits[:-1]
    rest = written[len(digits) :]
    end = begin + len(written)
    hint = ""
    if rest in ("j", "J"):
        hint = "there are no complex numbers"
    elif rest[:1].isalpha() and rest.isidentifier() and not (digits == "0" and rest[0] in "xXbBoO"):
        hint = f"a product is written {digits}*{rest}"
    elif text[end : end + 1] == "(" and not rest:
        hint, written = f"a product is written {digits}*(...)", digits + "("
    return SyntaxMistake(f"'{written}' is not a number", Span(begin, end), hint)


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True


def number(text: str, start: int) -> SyntaxMistake:
    """A number that cannot be read, as 1__0."""
    return _bad_number(text, start)


def called(text: str, begin: int, at: int) -> SyntaxMistake:
    """A parenthesis right behind an operand that is no function."""
    left = text[begin:at].strip()
    if _glued_number(text, begin, at) or left[:1].isdigit():
        return SyntaxMistake("an operator is missing", Span(begin, at), f"a product is written {left[:20]}*(...)")
    hint = f"a product is written {left}*(...)" if len(left) <= 20 else "a product is written with *"
    return SyntaxMistake("an operator is missing", Span(at, at + 1), hint)


def function(name: str, start: int, end: int, is_variable: bool, assigned: bool) -> NameMistake:
    """A call of something that is no function."""
    span = Span(start, end)
    if assigned:
        return NameMistake(f"a function cannot be defined: '{name[:60]}'", span, f"write {name[:20]} = expression")
    module, _, plain = name.rpartition(".")
    if module and plain in REDUCTIONS:
        return NameMistake(f"{name} reduces one array", span, f"the {plain} of numbers is {module}.{plain}imum(x, y)")
    if is_variable or len(name) == 1:
        return NameMistake(f"'{name}' is no function", span, f"a product is written {name}*(...)")
    from gradcli.numpy_words import INSTEAD

    if plain in INSTEAD:
        return NameMistake(f"unknown function '{name[:60]}'", span, INSTEAD[plain])
    choices = [row.name for row in GATES.values() if row.form.startswith(row.name + "(")]
    choices += [alias for row in GATES.values() for alias in row.aliases]
    from gradcli.array_gates import function_names

    choices += function_names()
    return NameMistake(f"unknown function '{name[:60]}'", span, did_you_mean(name, choices))


def arity(gate: Gate, given: int, start: int, end: int) -> SyntaxMistake:
    """A call with too few or too many operands."""
    wanted = "two or more operands" if variadic(gate) else counted(len(parameters(gate)))
    return SyntaxMistake(
        f"{gate.name} takes {wanted}, here {'is' if given == 1 else 'are'} {given}",
        Span(start, end),
        f"write {gate.form}",
    )


def counted(count: int) -> str:
    """How many operands, in words."""
    return "one operand" if count == 1 else f"{count} operands"


def equals(at: int, call: str, text: str = "") -> SyntaxMistake:
    """An equals sign in the middle of an expression."""
    if not call and text[:at].rstrip().endswith("]"):
        hint = "write where(condition, new, old), or multiply by a mask that is data"
        return SyntaxMistake("entries of an array are not changed", Span(at, at + 1), hint)
    if call:
        return SyntaxMistake(f"{call} takes no named operands", Span(at, at + 1), "write the operand alone")
    hint = "an assignment is written name = expression, a comparison =="
    return SyntaxMistake("only a name can be assigned to", Span(at, at + 1), hint)


def bracket(text: str, at: int) -> SyntaxMistake:
    """An index that is not a whole number, or is not closed, or does not follow a name."""
    close = text.find("]", at)
    if close < 0 or "\n" in text[at:close]:
        return SyntaxMistake("'[' is never closed", Span(at, at + 1))
    hint = "elements count from 0: w[0]" if "-" in text[at:close] else "write the number itself: w[0], W[1, 2]"
    span = Span(at, min(close + 1, at + 60))
    return SyntaxMistake("an index is a whole number behind the name of an input", span, hint)


def unclosed(text: str, at: int) -> SyntaxMistake:
    """A parenthesis that is never closed; `at` is where it or the name of its call stands."""
    while text[at] not in "([":
        at += 1
    return SyntaxMistake(f"'{text[at]}' is never closed", Span(at, at + 1))


def unnamed(start: int, end: int, equal: int) -> SyntaxMistake:
    """A statement before the last that gives its value no name; `equal` is the place of its ==, or -1."""
    if equal >= 0:
        return SyntaxMistake("a comparison stands where a statement should", Span(equal, equal + 2), "assign with '='")
    return SyntaxMistake("only the last statement may be without a name", Span(start, end), "write name = ...")


def assignment(name: str, span: Span, used: bool) -> NameMistake | None:
    """A name that cannot be assigned, or None: `used` says that it has a meaning already."""
    if name in CONSTANTS:
        return NameMistake(f"'{name}' is a constant and cannot be assigned", span, f"call it {name}_ or {name}0")
    if used:
        return NameMistake(f"'{name[:60]}' is assigned twice", span, "give the second value a name of its own")
    return None


def too_early(name: str, span: Span, target: Span) -> NameMistake:
    """A name that is used before it is assigned, at `target`."""
    if span.start > target.start:
        hint = f"give the new value a name of its own: {name[:20]}2 = ..."
        return NameMistake(f"'{name[:60]}' is used before it is assigned", span, hint)
    return NameMistake(f"'{name[:60]}' is used before it is assigned", span, "move its statement up")


def module(name: str, start: int, end: int) -> NameMistake:
    """A name behind math. or np. that is neither a function's nor a constant's."""
    plain = name.rpartition(".")[2]
    hint = f"a call is written {plain}(x)" if gate_called(plain) else "constants are pi and e"
    return NameMistake(f"unknown name '{name[:60]}'", Span(start, end), hint)


def indexed(base: str, start: int, end: int, count: int) -> SyntaxMistake:
    """An index behind something that has no elements, or too many indices."""
    if count > 32:
        return SyntaxMistake(f"'{base[:60]}' has too many indices: {count}", Span(start, end), "at most 32")
    return SyntaxMistake(f"'{base[:60]}' has no elements", Span(start, end), "only an input can be indexed: w[0]")


def chained(start: int, end: int) -> SyntaxMistake:
    """a < b < c."""
    return SyntaxMistake("comparisons do not chain", Span(start, end), "write (a < b)*(b < c)")


def comma(text: str, start: int) -> SyntaxMistake:
    """A comma that separates no operands of a call."""
    line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
    taken_apart = re.fullmatch(r"[ \t]*(\w+(?:[ \t]*,[ \t]*\w+)+)[ \t]*=[ \t]*([\w.]+\.shape)[ \t]*(?:[;#].*)?", line)
    if taken_apart is not None:
        names = re.findall(r"\w+", taken_apart[1])
        each = "; ".join(f"{name} = {taken_apart[2]}[{place}]" for place, name in enumerate(names))
        return SyntaxMistake("one name is assigned at a time", Span(start, start + 1), f"write {each}")
    return SyntaxMistake("a comma stands outside a call", Span(start, start + 1), "a decimal point is written .")


def closed(start: int) -> SyntaxMistake:
    """A parenthesis that was never opened."""
    return SyntaxMistake("')' closes nothing", Span(start, start + 1))
