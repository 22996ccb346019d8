"""A hand-written file to assignments, in the order in which they would run. Nothing is run.

Read are assignments, plain and augmented, of names, elements and entries under a mask; passed over is what
changes no number (imports, `def`, `return`, `print`). What would decide or repeat is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gradcli.diagnose.source import WORDS_OF_C, Source, Statement, read_source
from gradcli.errors import GradError, Span, SyntaxMistake, UsageMistake

NAME = r"[^\W\d]\w*"
OWNER = rf"{NAME}(?:\.{NAME})*"
ANNOTATED = re.compile(rf"\s*{NAME}(?P<type>\s*:\s*[\w.]+(?:\[[\w., ]*\])?)\s*=(?!=)")
PUTMASK = re.compile(rf"(?:np|numpy)\.putmask\((?P<name>{OWNER}),(?P<rest>.*)\)\Z", re.DOTALL)
TARGET = re.compile(rf"\*?\s*(?P<name>{OWNER})\s*(?P<entry>\[.*\])?\s*\Z", re.DOTALL)
EQUALS = re.compile(r"(?<![<>=!:])(?P<operator>\*\*|//|[-+*/@%^&|]|<<|>>)?=(?!=)")
DECLARED = re.compile(rf"(?:{WORDS_OF_C}\b\s*)+(?=\*?\s*{NAME})")
PASSED = re.compile(
    r"(?:import|from|return|print|printf|assert|pass|raise|global|nonlocal|del|export|console\.log|np\.random\.seed"
    r"|np\.seterr|plt)\b"
)
RETURNED = re.compile(r"(?:return|print|printf|console\.log)\b")
CONTROL = re.compile(
    r"(?P<word>for|while|if|elif|else|with|try|except|finally|match|class|async|switch|do|lambda)\b(?!\s*[-+*/]?=)"
)
HEADER = re.compile(rf"(?:async\s+)?def\s+(?P<name>{NAME})\s*\(")
HEADER_OF_C = re.compile(
    rf"(?:export\s+)?(?:{WORDS_OF_C}[\s*]+)+(?P<name>{NAME})\s*\((?P<given>[^;=]*)\)\s*\{{\Z", re.DOTALL
)
KEY = re.compile(rf"""\[\s*['"](?P<key>{NAME})['"]\s*\]""")
NOTHING = re.compile(r"(?:None|null|undefined|\[\s*\]|\{\s*\}|dict\(\))(?:\s*,\s*None)*\Z")
MAIN = re.compile(r"if\s+__name__\b")
HINTS = {
    "for": "write the lines of the loop out, or its sum as np.sum(...)",
    "while": "write the lines of the loop out",
    "if": "write a choice as np.where(condition, then, otherwise), or the lines of one branch alone",
    "class": "give the lines of its forward and backward methods alone",
}


class Assignment(NamedTuple):
    """One assignment. Offsets are those of the file.

    target: the name; entry: what stands in brackets behind it, brackets included; key: whether that is a word.
    operator: of an augmented assignment (`+` for `+=`), else nothing.
    expression: what is assigned, as written; at: where it begins.
    begin: where the target begins; statement: the place of the whole statement; function: which one it is in, or 0.
    """

    target: str
    entry: str
    operator: str
    expression: str
    at: int
    begin: int
    statement: Span
    function: int

    @property
    def place(self) -> Span:
        """The place of what is assigned."""
        return Span(self.at, self.at + len(self.expression))


class Refused(NamedTuple):
    """A statement that is not read; an error where it matters."""

    error: GradError
    function: int
    at: int


class Reading(NamedTuple):
    """assignments and refused statements in order; functions: their names, by number, and parameters.

    returned: the names in `return` and `print`.
    """

    source: Source
    assignments: list[Assignment]
    refused: list[Refused]
    functions: dict[int, str]
    parameters: dict[int, list[str]]
    returned: frozenset[str]


def read_file(text: str) -> Reading:
    """The assignments of a file. Raises SyntaxMistake where brackets do not match or nothing is assigned."""
    source = read_source(text)
    reader = _Reader(source)
    for statement in source.statements:
        if MAIN.match(statement.text):
            break
        reader.statement(statement)
        if len(reader.assignments) > MOST_LINES:
            message = f"this file has more than {MOST_LINES:,} assignments: nobody wrote it by hand"
            raise SyntaxMistake(message, statement.span, "give one function alone")
    if not reader.assignments:
        first = source.statements[0].span if source.statements else Span(0, 0)
        raise next(
            (refused.error for refused in reader.refused),
            SyntaxMistake(
                "there is no assignment in this text", Span(first.start, min(first.end, first.start + 40)), EXPECTED
            ),
        )
    return Reading(
        source, reader.assignments, reader.refused, reader.functions, reader.parameters, frozenset(reader.returned)
    )


LONGEST = 20_000  # characters of one statement
MOST_LINES = 1_000  # assignments of one file
EXPECTED = "a backward pass is lines such as dx = y * df"


class _Reader:
    """What has been read so far. function: the number of the one whose lines are read; outer: its indent."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.assignments: list[Assignment] = []
        self.refused: list[Refused] = []
        self.functions: dict[int, str] = {0: ""}
        self.parameters: dict[int, list[str]] = {0: []}
        self.returned: set[str] = set()
        self.function = 0
        self.outer = -1

    def statement(self, statement: Statement) -> None:
        """Read one statement."""
        text = statement.text
        if len(text) > LONGEST:
            span = Span(statement.start, statement.start + 1)
            raise SyntaxMistake(f"this line has {len(text):,} characters: nobody wrote it by hand", span)
        if self.function and not self.source.braces and statement.indent <= self.outer:
            self.function, self.outer = 0, -1
        header = HEADER.match(text) or (HEADER_OF_C.match(text) if self.source.braces else None)
        if header is not None:
            self._open(header["name"], text, statement)
        elif text == "}":
            self.function = 0
        elif RETURNED.match(text):
            self.returned.update(re.findall(NAME, text))
        elif PASSED.match(text) or text[0] in "@\"'{" or NOTHING.fullmatch(text):
            pass
        elif CONTROL.match(text):
            self._refuse(statement, _control(statement))
        else:
            try:
                self.assignments += self._assigned(statement)
            except GradError as error:
                self._refuse(statement, error)

    def _open(self, name: str, text: str, statement: Statement) -> None:
        self.function = len(self.functions)
        self.functions[self.function] = name
        self.outer = statement.indent
        inner = text[text.index("(") + 1 : text.rindex(")")]
        self.parameters[self.function] = [
            found[-1]
            for part in inner.split(",")
            if (found := re.findall(NAME, part.partition("=")[0].partition(":")[0]))
        ]
        body = text[text.rindex(")") + 1 :].lstrip(": \t")
        if not self.source.braces and body and not body.startswith(("->", "return", "pass")):
            start = statement.start + text.index(body, text.rindex(")"))
            self.statement(Statement(body, start, statement.indent + 1))
            self.function, self.outer = 0, -1

    def _refuse(self, statement: Statement, error: GradError) -> None:
        self.refused.append(Refused(error, self.function, statement.start))

    # -- assignments ----------------------------------------------------------------------

    def _assigned(self, statement: Statement) -> Iterator[Assignment]:
        text, start = statement.text, statement.start
        declared = DECLARED.match(text) if self.source.braces else None
        if declared is not None:
            for part, at in _parts(text[declared.end() :], start + declared.end()):
                if "=" in part:
                    yield from self._one(part, at, statement)
            return
        mask = PUTMASK.match(text)
        if mask is not None:
            yield from self._masked(mask, start, statement)
            return
        annotated = None if self.source.braces else ANNOTATED.match(text)
        if annotated is not None:  # x: float = ..., read with blanks for the type
            first, last = annotated.span("type")
            text = text[:first] + " " * (last - first) + text[last:]
        yield from self._one(text, start, statement)

    def _masked(self, found: re.Match[str], start: int, statement: Statement) -> Iterator[Assignment]:
        """`np.putmask(dx, mask, value)` as what it is: `dx[mask] = value`."""
        parts = list(_parts(found["rest"], start + found.start("rest")))
        if len(parts) != 2:
            raise _no_assignment(statement)
        (mask, begin), (value, at) = parts
        yield Assignment(found["name"], f"[{mask}]", "", value, at, begin, statement.span, self.function)

    def _one(self, text: str, start: int, statement: Statement) -> Iterator[Assignment]:
        found = _top_level(EQUALS, text)
        if found is None:
            raise _no_assignment(statement)
        operator = found["operator"] or ""
        expression, at = _stripped(text[found.end() :], start + found.end())
        targets, begin = _stripped(text[: found.start()], start)
        if NOTHING.fullmatch(expression):
            return
        if operator not in ("", "+", "-", "*", "/"):
            span = Span(start + found.start(), start + found.end())
            raise SyntaxMistake(f"'{found[0]}' is not read", span, "write +=, -=, *= or /=, or the assignment in full")
        further = _top_level(EQUALS, expression)
        if further is not None and not operator:  # a = b = ...
            inner = list(self._one(expression, at, statement))
            yield from inner
            yield self._made(targets, begin, "", inner[-1].target, at, statement)
            return
        if not operator and expression[:1] == "(" and _unwrapped(expression) != expression and "," not in targets:
            return  # values packed into a tuple, a cache
        names = list(_parts(_unwrapped(targets), begin + (targets[:1] in "([")))
        if len(names) > 1:
            yield from self._several(names, expression, at, statement)
        else:
            yield self._made(targets, begin, operator, expression, at, statement)

    def _several(
        self, names: list[tuple[str, int]], expression: str, at: int, statement: Statement
    ) -> Iterator[Assignment]:
        """`dx, dy = ...`: one assignment a name; of a shape, its sizes; what was packed is passed over."""
        values = list(_parts(_unwrapped(expression), at + (expression[:1] in "([")))
        if len(values) == len(names):
            for (name, begin), (value, place) in zip(names, values, strict=True):
                if not NOTHING.fullmatch(value):
                    yield self._made(name, begin, "", value, place, statement)
        elif re.search(r"\.shape\Z", expression):
            for place, (name, begin) in enumerate(names):
                yield self._made(name, begin, "", f"{expression}[{place}]", at, statement)
        elif not re.fullmatch(OWNER, expression):
            raise SyntaxMistake("so many names cannot be assigned to at once", statement.span, "one assignment a line")

    def _made(
        self, target: str, begin: int, operator: str, expression: str, at: int, statement: Statement
    ) -> Assignment:
        found = TARGET.match(target)
        if found is None or not expression:
            raise _no_assignment(statement)
        entry = found["entry"] or ""
        key = KEY.fullmatch(entry)
        name = found["name"] if key is None else packed(found["name"], key["key"])
        return Assignment(
            name.replace(".", "_"), "" if key else entry, operator, expression, at, begin, statement.span, self.function
        )


def packed(owner: str, key: str) -> str:
    """The name under which an entry of a dictionary is kept: grads['W'] as grads__W."""
    return f"{owner}__{key}"


def _stripped(text: str, start: int) -> tuple[str, int]:
    return text.strip(), start + len(text) - len(text.lstrip())


def _unwrapped(text: str) -> str:
    """A tuple without its parentheses."""
    inner = text[1:-1]
    depth = least = 0
    for sign in inner:
        depth += (sign in "([{") - (sign in ")]}")
        least = min(least, depth)
    around = text[:1] in ("(", "[") and text[-1:] in (")", "]") and least == 0  # not those of (a + b)[:, None]
    return inner if around and len(list(_parts(inner, 0))) > 1 else text


def _parts(text: str, start: int) -> Iterator[tuple[str, int]]:
    """The parts between commas outside brackets, with their places."""
    depth = begin = 0
    for place, sign in enumerate(text + ","):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and depth == 0:
            if text[begin:place].strip():
                yield _stripped(text[begin:place], start + begin)
            begin = place + 1


def _top_level(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match outside brackets."""
    depth = last = 0
    for found in pattern.finditer(text):
        between = text[last : found.start()]
        depth += sum(map(between.count, "([{")) - sum(map(between.count, ")]}"))
        last = found.start()
        if depth == 0:
            return found
    return None


def _control(statement: Statement) -> SyntaxMistake:
    found = CONTROL.match(statement.text)
    word = found["word"] if found else ""
    span = Span(statement.start, statement.start + len(word))
    return SyntaxMistake(f"'{word}' is not read: only straight lines are judged", span, HINTS.get(word, HINTS["if"]))


def _no_assignment(statement: Statement) -> SyntaxMistake:
    span = Span(statement.start, statement.start + min(len(statement.text), 60))
    return SyntaxMistake("this is no assignment", span, EXPECTED)


def no_backward_pass(span: Span, hint: str) -> UsageMistake:
    """The file assigns, but no gradient."""
    return UsageMistake("no line here assigns a gradient", span, hint)
