"""What a gallery of failures says in words: what was measured about each, and what they have in common."""

from collections.abc import Sequence

from kinwise.examine.cases import Case, Copy, Faithfulness, HeatMap, Hypothesis, Neighbour, Trait
from kinwise.examine.hypothesis import KINDS
from kinwise.examine.traits import described
from kinwise.judge.failures import Failure
from kinwise.show.glossary import SPACE, percent
from kinwise.show.tallies import display

Rows = list[list[str]]


def hypothesis(found: Hypothesis) -> str:
    """What may have happened, at the start of a line."""
    return KINDS.get(found.kind, display(found.kind).capitalize())


def told(found: Hypothesis) -> str:
    """What was measured, and how many of the right answers show the same, where that is known."""
    if found.usual is None:
        return found.text
    return f"{found.text} The same holds for {percent(found.usual, 0)} of right answers."


def taken_for(failure: Failure) -> str:
    """The mistake in a few words: "cup, taken for bottle"."""
    last = failure.path[-1]
    return f"{display(last.true)}, taken for {display(last.answered)}"


def map_name(found: HeatMap, failure: Failure) -> str:
    """What a heat map is of: the answered node of a level, or the answered class against the true one.

    Where that is the same class, its name alone.
    """
    answered = {step.level: step.answered for step in failure.path}
    last = failure.path[-1]
    against = f"{last.answered} against {last.true}" if last.answered != last.true else last.true
    return display(answered.get(found.target, against))


def map_text(found: HeatMap, name: str) -> str:
    """A heat map for those who cannot see it."""
    return f"heat map for {name}, {percent(found.border, 0)} of its heat in the outer half"


def nearest(neighbours: Sequence[Neighbour], failure: Failure) -> str:
    """How the most similar training pictures are labelled: "3 of 5 labelled bottle, 0 cup"."""
    last, labels = failure.path[-1], [one.label for one in neighbours]
    answered, true = (labels.count(name) for name in (last.answered, last.true))
    return f"{answered} of {len(labels)} labelled {display(last.answered)}, {true} {display(last.true)}"


def near_duplicate(failure: Failure) -> str:
    """Whether a training picture is nearly the same."""
    return {True: "yes", False: "no", None: "unknown"}[failure.near_duplicate]


def stability(case: Case) -> str:
    """The answers to shifted and mirrored copies: "of 17, 14 get the same answer, 2 the right one"."""
    found = case.stability
    return f"of {found.copies}, {found.same} get the same answer, {found.right} the right one"


def faithfulness(found: Faithfulness, name: str) -> str:
    """What blanking the hottest fifth of a map, or keeping it alone, does to the score of what it explains."""
    whole, blanked, kept = (percent(share, 0) for share in (found.whole, found.blanked, found.kept))
    others = [percent(share, 0) for share in (found.random_blanked, found.random_kept)]
    warning = "" if found.fall > found.random_fall else " So the hottest fifth matters no more than others."
    return (
        f"Blanking the hottest fifth: {name} goes from {whole} to {blanked}; as much elsewhere: to {others[0]}. "
        f"Keeping only it: {kept}; as much elsewhere: {others[1]}.{warning}"
    )


def copy_rows(copies: Sequence[Copy], failure: Failure) -> Rows:
    """The answers to changed copies, the first row the head; none without copies."""
    if not copies:
        return []
    last = failure.path[-1]
    rows = [["changed copy", "answer", display(last.answered), display(last.true)]]
    for one in copies:
        shares = (percent(one.confidence, 0), percent(one.true_confidence, 0))
        rows.append([display(one.name), display(one.answered), *shares])
    return rows


def trait_rows(common: Sequence[Trait]) -> Rows:
    """Error rates with and without each trait on both halves, the first row the head; none without traits.

    The second line of a cell stands below the first.
    """
    if not common:
        return []
    rows = [["trait", "where it was found", "on the other half", "difference there", "does it hold?"]]
    for trait in common:
        value, low, high = (f"{100 * part:+z.1f}" for part in trait.difference)
        rows.append(
            [
                f"{described(trait.name, trait.side)}\n{trait.pictures:,} pictures of the other half",
                _with_and_without(trait.found),
                _with_and_without(trait.checked),
                f"{value}{SPACE}points\n{low} to {high}",
                "yes" if trait.holds else "no",
            ]
        )
    return rows


def _with_and_without(rates: tuple[float, float]) -> str:
    return f"{percent(rates[0])}\n{percent(rates[1])} without"
