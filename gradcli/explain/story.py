"""Facts to sections of sentences, formulas and tables: the same for every format.

Names and formulas stand between backticks, which the language does not have; a format shows them as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Any, NamedTuple

from gradcli.explain.figures import digits_for, factor, given, is_rounded, percent, shown, total
from gradcli.explain.passes import factored
from gradcli.explain.records import Backward, Cost, Explanation, Forward, Ledger, Sensitivity, Sent, Step

MOST_TERMS = 12  # of a ledger
MOST_NAMES = 8
MOST_ENTRIES = 8  # of an array that is shown whole


class Prose(NamedTuple):
    """Sentences; code stands between backticks."""

    text: str


class Head(NamedTuple):
    """What the blocks below are about, in a sentence that stands out."""

    text: str


class Lines(NamedTuple):
    """Formulas, one a line."""

    lines: list[str]


class Table(NamedTuple):
    """Cells, as many in each row as there are headings."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


ROUTES = ("max", "min")  # what they do at a tie depends on --ties

Block = Prose | Head | Lines | Table


class Section(NamedTuple):
    """A heading and what stands under it."""

    title: str
    blocks: list[Block]


def story(found: Explanation) -> Iterator[Section]:
    """All sections that have something to tell, in order."""
    yield Section(_title(found), [Prose(_overview(found))])
    yield Section("Forward pass", list(_forward(found)))
    yield Section("Backward pass", list(_backward(found)))
    if found.ledgers:
        yield Section("Where the gradients come together", list(_ledgers(found.ledgers)))
    if found.sensitivities:
        yield Section("What moves the output", list(_sensitivities(found)))
    if found.step is not None:
        yield Section("A step", [Prose(_step(found.step))])
    if found.cost is not None:
        yield Section("What it costs", [Prose(_cost(found.cost))])
    if found.lessons:
        yield Section("Worth knowing", [Prose(f"- {_plain(lesson.message)}") for lesson in found.lessons])


def _title(found: Explanation) -> str:
    return f"`{found.output} = {figure(found.value)}`"


def _overview(found: Explanation) -> str:
    at = ", ".join(f"`{name} = {figure(value, given)}`" for name, value in found.inputs[:MOST_NAMES])
    more = len(found.inputs) - MOST_NAMES
    at += f" and {more} more inputs" if more > 0 else ""
    stages = f"{found.size} stage" + "s" * (found.size != 1)
    left = f" The {found.size - found.left_out} that matter most are told here." if found.left_out else ""
    return f"At {at}, in {stages}.{left}" if found.inputs else f"A constant, in {stages}.{left}"


def figure(value: Any, number: Callable[[float], str] = shown) -> str:
    """A number, a short list, or how many entries an array has."""
    if isinstance(value, list):
        return _entries(value, number) if _count(value) <= MOST_ENTRIES else f"[... {_count(value)} numbers ...]"
    return number(float(value))


def _entries(value: Any, number: Callable[[float], str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_entries(entry, number) for entry in value)}]"
    return number(float(value))


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1


def _plain(message: str) -> str:
    """A message that holds no marks of code."""
    return message.replace("`", "'")


def _equals(*numbers: float) -> str:
    return "≈" if all(map(isfinite, numbers)) and any(map(is_rounded, numbers)) else "="


def _shape(shape: Sequence[int | str]) -> str:
    return " × ".join(map(str, shape))


# -- forward ------------------------------------------------------------------------------


def _forward(found: Explanation) -> Iterator[Block]:
    if any(stage.shape for stage in found.forward):
        rows = [(stage.name, stage.code, _shape(stage.shape), shown(stage.value)) for stage in found.forward]
        yield Table(("stage", "", "shape", "value or norm"), rows)
        return
    yield Lines([_computed(stage) for stage in found.forward])
    if found.left_out:
        yield Prose(f"{found.left_out} more stages move the output less.")


def _computed(stage: Forward) -> str:
    """`q = x + y = -2 + 5 = 3`."""
    result = f"{_equals(stage.value, *(value for _, value in stage.operands))} {shown(stage.value)}"
    if stage.figures in (stage.code, shown(stage.value)):
        return f"{stage.name} = {stage.code} {result}"
    return f"{stage.name} = {stage.code} = {stage.figures} {result}"


# -- backward -----------------------------------------------------------------------------


def _backward(found: Explanation) -> Iterator[Block]:
    last = found.backward[0] if found.backward else None
    if last is not None and not last.shape:
        yield Prose(
            f"From the output to the inputs. It begins with `{last.gradient} = {shown(last.upstream)}`; each stage "
            "multiplies what arrives by its local gradient and sends it on."
        )
    told: set[str] = set()
    for stage in found.backward:
        yield Head(_arrives(stage))
        says = [sentence for sentence in stage.says if sentence not in told]
        told.update(says)
        sentences = [*(_sentence(sentence) for sentence in says), *_passed(stage)]
        if sentences:
            yield Prose(" ".join(sentences))
        if stage.sent:
            yield Lines([_sent(each, stage) for each in stage.sent])


def _arrives(stage: Backward) -> str:
    norm = f", an array of {_shape(stage.shape)} with norm {shown(stage.upstream)}" if stage.shape else ""
    arrives = f"`{stage.gradient}`{norm}" if norm else f"`{stage.gradient} = {shown(stage.upstream)}`"
    return f"`{stage.name} = {stage.code}` receives {arrives}."


def _sentence(says: str) -> str:
    return f"{says[:1].upper()}{says[1:]}."


def _passed(stage: Backward) -> Iterator[str]:
    """Who gets the gradient as it is, with its sign turned, or not at all, where that is all there is to say."""
    if stage.gate in ROUTES and _shared(stage):
        yield from _divided(stage)
        return
    if not stage.sent or any(each.local not in (1.0, -1.0, 0.0) for each in stage.sent):
        return
    whole, turned, none = (
        list(dict.fromkeys(each.operand for each in stage.sent if each.local == local)) for local in (1.0, -1.0, 0.0)
    )
    parts = [f"{shown(stage.upstream)} unchanged to {_both(whole)}"] if whole else []
    parts += [f"{shown(-stage.upstream)}, with the sign turned, to {_both(turned)}"] if turned else []
    parts += [f"nothing to {_both(none).removeprefix('both ')}"] if none else []
    yield f"Here it passes {' and '.join(parts)}."


def _shared(stage: Backward) -> bool:
    """Whether more than one operand of a max or min has received something, or one a part."""
    locals_ = [each.local for each in stage.sent if each.local]
    return len(locals_) > 1 or any(local != 1.0 for local in locals_)


def _divided(stage: Backward) -> Iterator[str]:
    """What a tie does to the gradient under --ties split and both."""
    names = _both(list(dict.fromkeys(each.operand for each in stage.sent if each.local)))
    share = max(each.local or 0.0 for each in stage.sent)
    if isfinite(share):
        how = "the whole gradient" if share == 1.0 else f"{shown(share)} of the gradient"
        yield f"Here there is a tie, and {names} {'receive' if ' and ' in names else 'receives'} {how}."


def _both(names: list[str]) -> str:
    shown_names = [f"`{name}`" for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        return f"{', '.join(shown_names)} and {len(names) - MOST_NAMES} more"
    if len(names) < 3:
        return ("both " if len(names) == 2 else "") + " and ".join(shown_names)
    return f"{', '.join(shown_names[:-1])} and {shown_names[-1]}"


def _sent(each: Sent, stage: Backward) -> str:
    """`dx += (2 * xpy) * dxpysqr = (-2) * (-0.79159) ≈ 1.5832`."""
    sign = "+=" if each.adds else "="
    if each.local is None:
        rule = f" {sign} {each.rule}" if each.rule else ""
        return f"{each.gradient}{rule}  ({'norm ' if each.shape else ''}{shown(each.share)})"
    if each.local in (1.0, 0.0, -1.0) and not (each.rule and not each.rule.lstrip("-").isdigit()):
        text = {1.0: f"{stage.gradient} ", -1.0: f"-{stage.gradient} ", 0.0: ""}[each.local]
        return f"{each.gradient} {sign} {text}{'= ' if text else ''}{shown(each.share)}"
    rule = factored(each.rule or shown(each.local))
    numbers = f"{factor(each.local)} * {factor(stage.upstream)}"
    result = f"{_equals(each.local, stage.upstream, each.share)} {shown(each.share)}"
    return f"{each.gradient} {sign} {rule} * {stage.gradient} = {numbers} {result}"


# -- ledgers ------------------------------------------------------------------------------


def _ledgers(ledgers: list[Ledger]) -> Iterator[Block]:
    yield Prose(
        "A value that is used several times collects what comes back along each path: gradients add up at forks."
    )
    yield Lines([f"{ledger.gradient} = {_account(ledger)}" for ledger in ledgers])


def _account(ledger: Ledger) -> str:
    if len(ledger.terms) <= MOST_TERMS:
        return total(ledger.terms, ledger.total)
    shares = [f"{shown(share)} via {name}" for name, share in ledger.terms[:3]]
    return f"{shown(ledger.total)}, in {len(ledger.terms)} contributions: {', '.join(shares)}, ..."


# -- what moves the output ----------------------------------------------------------------


def _sensitivities(found: Explanation) -> Iterator[Block]:
    output = found.output
    ranked = sorted(found.sensitivities, key=lambda each: -abs(each.elasticity or 0.0))
    rows = [(each.name, given(each.value), shown(each.gradient), _relative(each)) for each in ranked]
    yield Table(("input", "value", "gradient", f"1% more of it changes {output} by"), rows)
    prose = " ".join(_moving(ranked, found))
    if prose:
        yield Prose(prose)


def _moving(ranked: list[Sensitivity], found: Explanation) -> Iterator[str]:
    """What the table says in words, where it is sure: at a kink or tie a gradient is a convention."""
    value, output = found.value, found.output
    if value == 0:
        yield f"`{output}` is 0, and what changes it cannot be told in per cent of it."
    first = ranked[0]
    if not isfinite(value) or any(lesson.kind in ("tie", "kink") for lesson in found.lessons):
        return
    if first.elasticity and len(ranked) > 1:
        yield f"In per cent {_most(ranked)} `{output}` most."
    if first.gradient and isfinite(first.gradient):
        verb = "raises" if first.gradient > 0 else "lowers"
        yield f"Raising `{first.name}` by a small h {verb} `{output}` by {shown(abs(first.gradient))} h."


def _most(ranked: list[Sensitivity]) -> str:
    """Which inputs are first; several if they are as good as equal."""
    most = abs(ranked[0].elasticity or 0.0)
    equal = [each.name for each in ranked if abs(abs(each.elasticity or 0.0) - most) <= 1e-9 * most]
    return f"{_both(equal)} {'move' if len(equal) > 1 else 'moves'}"


def _relative(each: Sensitivity) -> str:
    return "" if each.elasticity is None else percent(each.elasticity)


def _step(step: Step) -> str:
    moves = " and ".join(f"`{name}` by {figure(value)}" for name, value in step.moves.items())
    actual = step.after - step.before
    digits = digits_for(step.before, actual)
    told = (
        f"Move {moves}: the gradient predicts that `{step.output}` changes by {shown(step.predicted)}. It goes from "
        f"{shown(step.before, digits)} to {shown(step.after, digits)}, a change of {shown(actual)}."
    )
    return f"{told} {_verdict(step, actual)}".rstrip()


def _verdict(step: Step, actual: float) -> str:
    """What the experiment shows; rounding is not taken for a bend."""
    if not isfinite(actual) or not isfinite(step.predicted):
        return ""
    if not any(map(_moves, step.moves.values())):
        return "A step of 0 moves nothing."
    miss = abs(actual - step.predicted)
    largest = max(abs(actual), abs(step.predicted))
    if 0 < largest <= 1e3 * step.rounding:
        return "A step as small as this one drowns in rounding: take a larger one."
    if miss <= step.rounding:
        bend = abs(step.halfway - step.before - step.predicted / 2)
        if bend > step.rounding:
            return "At its end the prediction is right, on the way there it is not: the function bends and comes back."
        line = "the function is a straight line" if largest > 1e6 * step.rounding else "no bend is to be seen"
        return f"The prediction is right: along this step {line if largest else 'nothing changes'}."
    part = f" ({100 * miss / abs(actual):.2g}% of it)" if actual else ""
    return f"The prediction is off by {shown(miss)}{part}: the gradient knows the slope here, not how it bends."


def _moves(step: Any) -> bool:
    return any(map(_moves, step)) if isinstance(step, list) else bool(step)


def _cost(cost: Cost) -> str:
    backward = cost.backward or "none: it only copies"
    told = f"The forward pass takes {_operations(cost.forward)}, the backward pass {backward}"
    ratio = (cost.forward + cost.backward) / cost.forward if cost.backward and cost.forward else 0
    told += f": together {ratio:.3g} times the forward pass." if ratio else "."
    if not cost.reused:
        return told + " The backward pass reads no value of the forward pass."
    names = _both([each.name for each in cost.reused]).removeprefix("both ")
    them = "it" if len(cost.reused) == 1 else "them"
    return (
        f"{told} The backward pass reuses {names} from the forward pass; computing {them} again instead would take "
        f"{_operations(cost.again)} more."
    )


def _operations(count: int) -> str:
    return f"{count} operation" + "s" * (count != 1)
