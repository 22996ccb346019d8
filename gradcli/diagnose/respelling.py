"""An expression as Python, NumPy, C or JavaScript spell it, to the language; each character keeps its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from gradcli.diagnose.reader import packed
from gradcli.errors import Span, SyntaxMistake

WORD = re.compile(
    r"""(?P<string>'[^'\n]*'|"[^"\n]*")
    |(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    |(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?[fFlL]?(?![\w]))
    |(?P<attribute>\.[^\W\d]\w*)
    |(?P<sign>\*\*|===|!==|[<>=!]=|&&|\|\||//|<<|>>|[^\s\w])""",
    re.VERBOSE,
)
DEEPEST = 200  # brackets in brackets, of a line written by hand
MODULES = ("np", "numpy", "math", "Math", "np.linalg", "numpy.linalg", "Number", "scipy.special", "special", "torch")
ATTRIBUTES = re.findall(
    r"\w+", "T shape dot sum mean prod max min var std reshape transpose trace cumsum copy astype flatten ravel"
)
PLAIN = {"np.pi": "pi", "np.e": "e", "math.pi": "pi", "math.e": "e", "Math.PI": "pi", "Math.E": "e", "M_PI": "pi",
         "M_E": "e", "fmax": "max", "fmin": "min", "fabs": "abs", "range": "arange", "np.arange": "arange",
         "np.float64": "", "np.float32": "", "float": "", "double": "", "np.asarray": "", "np.array": "",
         "np.copy": "", "int": "", "True": "1", "False": "0", "np.absolute": "abs", "np.sigmoid": "sigmoid",
         "np.abs": "abs", **{f"{name}f": name for name in ("exp", "log", "pow", "sqrt", "sin", "cos", "tan", "tanh")},
         "fabsf": "abs", "fmaxf": "max", "fminf": "min"}  # fmt: skip
OPERATIONS = {"np.multiply": "*", "np.add": "+", "np.subtract": "-", "np.divide": "/", "np.true_divide": "/"}
ISNAN = ("isnan", "np.isnan", "math.isnan", "Number.isNaN")
LIKE = {"np.zeros_like": "0", "np.ones_like": "1", "np.empty_like": "0"}
STACKED = {"np.hstack": "-1", "np.vstack": "0", "np.column_stack": "-1"}
FILLED = {"np.zeros": "0", "np.ones": "1", "np.empty": "0", "zeros": "0", "ones": "1"}
SIGNS = {"===": "==", "!==": "!="}
REFUSED = {
    "//": "a quotient is written /",
    "%": "there is no remainder",
    "lambda": "write the expression itself",
    "for": "write the terms out, or their sum as np.sum(...)",
    ":=": "one assignment a line",
}


class Word(NamedTuple):
    """A word of an expression and where it stands in the file; -1 for one that is put in."""

    text: str
    at: int


Words = list[Word]


class Respelled(NamedTuple):
    """text: in the language; places: for each character of it, the offset in the file; fresh: it is a new array."""

    text: str
    places: list[int]
    fresh: bool

    def span(self, span: Span) -> Span:
        """A place in the text as a place in the file."""
        if not self.places:
            return Span(0, 0)
        start = self.places[min(span.start, len(self.places) - 1)]
        last = self.places[min(max(span.end - 1, 0), len(self.places) - 1)]
        return Span(start, max(last + 1, start + 1))


def respelled(text: str, at: int, wholes: Mapping[str, int]) -> Respelled:
    """An expression that begins at offset `at` of the file.

    wholes: whole numbers that names stand for. Raises SyntaxMistake for what no expression has.
    """
    frames: list[tuple[str, Words, int]] = [("", [], at)]
    for found in WORD.finditer(text):
        word, place = found[0], at + found.start()
        if word in REFUSED:
            raise SyntaxMistake(f"'{word}' is not read", Span(place, place + len(word)), REFUSED[word])
        words = frames[-1][1]
        if found["name"]:
            words += _name(word, place, wholes)
        elif found["number"]:
            words.append(Word(word.rstrip("fFlL"), place))
        elif found["attribute"]:
            words.append(Word(word, place))
        elif word in ("(", "[", "{"):
            frames.append((word, [], place))
            if len(frames) > DEEPEST:
                raise SyntaxMistake("brackets are nested too deep for a line written by hand", Span(place, place + 1))
        elif word in (")", "]", "}"):
            opened, inner, begin = frames.pop() if len(frames) > 1 else ("", [], place)
            if (opened, word) not in (("(", ")"), ("[", "]")):
                raise SyntaxMistake(f"'{word}' closes nothing", Span(place, place + 1))
            _close(frames[-1][1], opened, inner, begin, place)
        else:
            words.append(Word(SIGNS.get(word, word), place))
    if len(frames) > 1:
        raise SyntaxMistake(f"'{frames[-1][0]}' is never closed", Span(frames[-1][2], frames[-1][2] + 1))
    return _joined(_repeated(_choice(frames[0][1])), re.search(r"\bcopy\(|np\.array\(", text) is not None)


def _repeated(words: Words) -> Words:
    """`[0.0] * 3` as a list of three zeros: in Python that is no product."""
    if len(words) == 5 and words[1].text == "*" and words[2].text == "[":
        words = [*words[2:], words[1], words[0]]
    texts = [word.text for word in words]
    if len(texts) == 5 and texts[0] == "[" and texts[2:4] == ["]", "*"]:
        at = words[0].at
        return [*_where(at, texts[1], [Word("arange", at), Word("(", at), words[4], Word(")", at)], words[4].at)]
    return words


def _joined(words: Words, fresh: bool) -> Respelled:
    text, places, last = "", [], 0
    pieces = []
    for place, word in enumerate(words):
        at = last if word.at < 0 else word.at
        signed = word.text == "-" and place and words[place - 1].text == "="  # axis=-1 is one setting
        pieces.append(word.text + " " * (not signed))
        places += [min(at + step, at + len(word.text) - 1) for step in range(len(word.text))] + [at] * (not signed)
        last = at
    text = "".join(pieces)
    return Respelled(text, places, fresh)


def _name(word: str, place: int, wholes: Mapping[str, int]) -> Words:
    """A name, what it is called in the language, or an owner and its attributes."""
    if word in wholes:
        return [Word(str(wholes[word]), place)]
    if word in PLAIN and word not in LIKE:
        return [Word(PLAIN[word], place)]
    owner, _, rest = word.partition(".")
    module = next((name for name in sorted(MODULES, key=len, reverse=True) if word.startswith(name + ".")), "")
    if module:
        plain = word[len(module) + 1 :]
        name, _, rest = plain.partition(".")
        kept = module if module in ("np", "numpy", "math", "np.linalg", "numpy.linalg") else ""
        whole = f"{module}.{name}" if kept or f"{module}.{name}" in ISNAN else name
        return [Word(whole, place), *_attributes(rest, place + len(module) + 1 + len(name))]
    names = word.split(".")
    cut = next((i for i, name in enumerate(names) if i and name in ATTRIBUTES), len(names))
    owner = "_".join(names[:cut])
    own = Word(str(wholes[owner]), place) if owner in wholes else Word(owner, place)
    return [own, *_attributes(".".join(names[cut:]), place + len(".".join(names[:cut])))]


def _attributes(rest: str, place: int) -> Words:
    return [Word("." + name, place) for name in rest.split(".") if name]


# -- brackets -----------------------------------------------------------------------------


def _close(words: Words, opened: str, inner: Words, begin: int, end: int) -> None:
    """Put a closed bracket with what is in it behind the words before it."""
    before = words[-1].text if words else ""
    parts = _parts(inner)
    if opened == "[":
        if len(inner) == 1 and inner[0].text[:1] in ("'", '"') and before.isidentifier():
            owner = words.pop()
            words.append(Word(packed(owner.text, inner[0].text[1:-1]), owner.at))
            return
        words += [Word("[", begin), *_listed(parts), Word("]", end)]
        return
    if before in (".copy", ".astype"):
        words.pop()
    elif before in (".flatten", ".ravel"):
        words[-1] = Word(".reshape", words[-1].at)
        words += [Word("(", begin), Word("-", begin), Word("1", begin), Word(")", end)]
    elif before in ISNAN:
        at = words.pop().at
        turned = bool(words) and words[-1].text in ("!", "~")
        if turned:
            words.pop()
        group = [Word("(", at), *_choice(inner), Word(")", end)]
        words += [Word("(", at), *group, Word("==" if turned else "!=", at), *group, Word(")", end)]
    elif before in LIKE:
        at = words.pop().at
        words += _where(at, LIKE[before], inner, end)
    elif before in FILLED:
        at = words.pop().at
        words += _where(at, FILLED[before], _sized(parts, at), end)
    elif before == "np.full_like" and len(parts) > 1:
        at = words.pop().at
        value = parts[1][2:] if parts[1][0].text == "fill_value" else parts[1]
        words += [Word(text, at) for text in ("where", "(", "1", ",")] + _listed([value, parts[0]]) + [Word(")", end)]
    elif before == "np.broadcast_to" and len(parts) == 2 and parts[1] and parts[1][-1].text == ".shape":
        at = words.pop().at
        head = [Word(text, at) for text in ("where", "(", "1", ",")]
        words += head + _listed([parts[0], parts[1][:-1]]) + [Word(")", end)]
    elif before in ("np.eye", "np.identity") and parts[0]:
        words += _identity(parts[0], words.pop().at)
    elif before == "np.flip" and len(parts) == 2:
        at = words.pop().at
        axes = {"0": ("[", ":", ":", "-", "1", "]"), "1": ("[", ":", ",", ":", ":", "-", "1", "]")}
        words += [Word("(", at), *_choice(parts[0]), Word(")", at)]
        words += [Word(text, at) for text in axes.get(parts[1][-1].text, axes["0"])]
    elif before in STACKED:
        at = words.pop().at
        words += [Word(text, at) for text in ("concatenate", "(")] + _listed(parts)
        words += [Word(text, at) for text in (",", "axis", "=", *STACKED[before].partition("-")[1:], ")") if text]
    elif before in OPERATIONS and len(parts) == 2:
        at = words.pop().at
        left, right = ([Word("(", at), *_choice(part), Word(")", end)] for part in parts)
        words += [Word("(", at), *left, Word(OPERATIONS[before], at), *right, Word(")", end)]
    elif before == "len" and len(inner) == 1:
        words.pop()
        words += [*inner, Word(".shape", begin), Word("[", begin), Word("0", begin), Word("]", end)]
    else:
        words += [Word("(", begin), *_listed([part for part in parts if not _is_type(part)]), Word(")", end)]


def _identity(size: Words, at: int) -> Words:
    """The identity matrix: where the number of the row is that of the column. size: N, or *X.shape."""
    count = [*size[1:], Word("[", at), Word("0", at), Word("]", at)] if size[0].text == "*" else size
    numbers = [Word("arange", at), Word("(", at), *count, Word(")", at)]
    rows = [*numbers, *(Word(text, at) for text in ("[", ":", ",", "None", "]"))]
    ends = [Word(text, at) for text in (",", "1", ",", "0", ")")]
    return [Word("where", at), Word("(", at), *rows, Word("==", at), *numbers, *ends]


def _is_type(part: Words) -> bool:
    return bool(part) and part[0].text == "dtype"


def _where(at: int, number: str, inner: Words, end: int) -> Words:
    head = [Word(text, at) for text in ("where", "(", "1", ",", number, ",")]
    return [*head, *inner, Word(")", end)]


def _sized(parts: list[Words], at: int) -> Words:
    """An array of the size that np.zeros(...) is given: (N, D), D, or X.shape."""
    if len(parts) == 1 and parts[0] and parts[0][-1].text == ".shape":
        return parts[0][:-1]
    inner = parts[0][1:-1] if len(parts) == 1 and parts[0] and parts[0][0].text == "(" else None
    sizes = _parts(inner) if inner is not None else parts
    ranges = [[Word("arange", at), Word("(", at), *size, Word(")", at)] for size in sizes[:2]]
    if len(ranges) < 2:
        return ranges[0] if ranges else [Word("0", at)]
    return [Word("outer", at), Word("(", at), *ranges[0], Word(",", at), *ranges[1], Word(")", at)]


def _listed(parts: list[Words]) -> Words:
    found: Words = []
    for place, part in enumerate(parts):
        if place:
            found.append(Word(",", -1))
        found += _choice(part)
    return found


def _parts(words: Words) -> list[Words]:
    """The parts between commas; brackets inside are closed already."""
    found: list[Words] = [[]]
    depth = 0
    for word in words:
        depth += (word.text in ("(", "[")) - (word.text in (")", "]"))
        if word.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(word)
    return found


# -- choices ------------------------------------------------------------------------------


def _choice(words: Words) -> Words:
    """`a if c else b` and `c ? a : b` as where(c, a, b); conditions joined as products."""
    texts = _outside(words)
    if "if" in texts and "else" in texts:
        at, behind = texts.index("if"), texts.index("else")
        return _chosen(words[at + 1 : behind], words[:at], words[behind + 1 :])
    if "?" in texts and ":" in texts:
        at = texts.index("?")
        return _chosen(words[:at], words[at + 1 : (behind := _second(texts, at))], words[behind + 1 :])
    for signs in (("or", "||", "|"), ("and", "&&", "&")):
        at = next((place for place, text in enumerate(texts) if text in signs), -1)
        if at >= 0:
            left, right = _choice(words[:at]), _choice(words[at + 1 :])
            if signs[0] == "or":
                return [Word(text, -1) for text in ("max", "(")] + left + [Word(",", -1)] + right + [Word(")", -1)]
            return [Word("(", -1), *left, Word(")", -1), Word("*", -1), Word("(", -1), *right, Word(")", -1)]
    if texts and texts[0] in ("not", "!", "~"):
        return [Word("1", -1), Word("-", -1), Word("(", -1), *_choice(words[1:]), Word(")", -1)]
    return words


def _chosen(condition: Words, then: Words, otherwise: Words) -> Words:
    return [Word("where", -1), Word("(", -1), *_listed([condition, then, otherwise]), Word(")", -1)]


def _second(texts: list[str], at: int) -> int:
    """The colon that belongs to the question mark at `at`."""
    depth = 0
    for place in range(at, len(texts)):
        depth += (texts[place] == "?") - (texts[place] == ":")
        if depth == 0:
            return place
    return len(texts) - 1


def _outside(words: Words) -> list[str]:
    """The texts of words, nothing for those in brackets."""
    depth = 0
    found = []
    for word in words:
        depth -= word.text in (")", "]")
        found.append(word.text if depth == 0 else "")
        depth += word.text in ("(", "[")
    return found
