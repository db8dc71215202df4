"""What the explanations say taken together, in plain text."""

import textwrap
from collections import Counter
from collections.abc import Iterator

import numpy as np

from kinwise.examine.cases import Case, Trait
from kinwise.examine.explanations import Explanations
from kinwise.examine.hypothesis import KINDS
from kinwise.examine.traits import described

FIRST = 5
_WIDTH = 120


def summary(found: Explanations) -> str:
    """Plain text: what may have happened and how often, how faithful the maps are, common traits, the first cases."""
    parts = [_kinds(found.cases), _faithful(found), _common(found.common), _first(found.cases)]
    return "\n\n".join("\n".join(part) for part in parts)


def _kinds(cases: tuple[Case, ...]) -> Iterator[str]:
    """How many cases have each kind of hypothesis; a case can have several."""
    counts = Counter(one.kind for case in cases for one in case.hypotheses)
    yield f"{len(cases):,} failures looked at. What was measured suggests (a failure may be in several lines):"
    for kind, count in counts.most_common():
        yield f"  {count:5,}  {KINDS[kind]}"
    yield f"  {sum(not case.hypotheses for case in cases):5,}  nothing measured stands out"


def _faithful(found: Explanations) -> Iterator[str]:
    """What blanking the hottest fifth does to the confidence in the answered class, on average."""
    classes = [case.maps[-2].faithfulness for case in found.cases]
    fall, elsewhere = (100 * np.mean([getattr(one, what) for one in classes]) for what in ("fall", "random_fall"))
    rise, others = (100 * np.mean([getattr(one, what) for one in classes]) for what in ("rise", "random_rise"))
    text = (
        f"Heat maps ({found.method}): blanking the hottest fifth of a picture lowers the confidence in the answered "
        f"class by {fall:.1f} points on average, as much elsewhere by {elsewhere:.1f}; that fifth alone raises it by "
        f"{rise:.1f} points, as much elsewhere by {others:.1f}."
    )
    yield from textwrap.wrap(text, _WIDTH)


def _common(traits: tuple[Trait, ...]) -> Iterator[str]:
    if not traits:
        yield "No trait of the pictures goes with failures more than chance explains."
        return
    yield "What failures have in common, within each class; found on half of the test pictures, checked on the other:"
    for trait in traits:
        inside, outside = (f"{100 * share:.1f} %" for share in trait.checked)
        value, low, high = (f"{100 * part:+.1f}" for part in trait.difference)
        holds = "holds" if trait.holds else "does not hold"
        name = described(trait.name, trait.side)
        yield f"  {name:26} {inside:>6} wrong, others {outside:>6}; {value} points [{low}, {high}]: {holds}"


def _first(cases: tuple[Case, ...]) -> Iterator[str]:
    yield "The first of them:"
    for case in cases[:FIRST]:
        answer = case.failure.path[-1]
        why = case.hypotheses[0].text if case.hypotheses else ""
        true, answered = (name.replace("_", " ") for name in (answer.true, answer.answered))
        said = f"{case.failure.id}: {true}, taken for {answered}, {100 * answer.confidence:.0f} % sure. {why}"
        yield from textwrap.wrap(said, _WIDTH, initial_indent="  ", subsequent_indent="    ")
