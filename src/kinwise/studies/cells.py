"""The cells of a judged study: runs that differ in the seed alone, under one decision rule and one tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kinwise.config import Config
from kinwise.judge.scores import Scores
from kinwise.studies import differences, table
from kinwise.studies.differences import Difference
from kinwise.studies.judged import Judged
from kinwise.studies.judging import PLAIN, Judging
from kinwise.studies.plan import Plan, Planned
from kinwise.studies.table import Column, Row

SEED = "seed"
DECISION, JUDGED_BY = "decision", "judged by"


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """A decision rule that cannot be used with a tree for some runs, and why; ``tree`` is empty for their own."""

    decision: str
    tree: str
    reason: str
    runs: tuple[str, ...]

    def __str__(self) -> str:
        """In one line."""
        under = f" under {self.tree}" if self.tree else ""
        count = self.runs[0] if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return f"{self.decision}{under}, {count}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs that differ in the seed alone, under one decision rule and one tree.

    Attributes:
        place: the value on every axis but the seed.
        decision: the rule.
        tree: the name of the tree.
        runs: all that the study has there.
        scores: of those that were judged, by seed.
        failed: the names of those that failed, or could not be judged.
    """

    place: dict[str, str]
    decision: str
    tree: str
    runs: tuple[Planned, ...]
    scores: dict[str, Scores]
    failed: tuple[str, ...]

    @property
    def pictures(self) -> tuple[str, str]:
        """The data set and the split, whose test part it is judged on."""
        return self.runs[0].data, self.runs[0].split


def places(plan: Plan) -> dict[tuple[str, ...], list[Planned]]:
    """The runs at every place on the axes but the seed, in the order of the file."""
    found: dict[tuple[str, ...], list[Planned]] = {}
    for run in plan.runs:
        found.setdefault(tuple(text for axis, text in run.place.items() if axis != SEED), []).append(run)
    return found


def cells(plan: Plan, judging: Judging, judged: Mapping[str, Sequence[Judged]], failed: Sequence[str]) -> list[Cell]:
    """Every place under every rule, one tree after the other.

    ``judged`` holds by its name what came of judging each run, ``failed`` the names of those that failed.
    """
    known = {(name, one.decision, one.tree): one for name, found in judged.items() for one in found}
    return [
        _cell(runs, decision, tree, known, failed)
        for tree in judging.names
        for runs in places(plan).values()
        for decision in judging.decisions
    ]


def _cell(
    runs: Sequence[Planned],
    decision: str,
    tree: str,
    known: Mapping[tuple[str, str, str], Judged],
    failed: Sequence[str],
) -> Cell:
    found = {run.name: known.get((run.name, decision, tree)) for run in runs}
    return Cell(
        place={axis: text for axis, text in runs[0].place.items() if axis != SEED},
        decision=decision,
        tree=tree or runs[0].tree,
        runs=tuple(runs),
        scores={seed_of(run): one.scores for run in runs if (one := found[run.name]) and one.scores},
        failed=tuple(name for name, one in found.items() if name in failed or (one and one.trouble)),
    )


def seed_of(run: Planned) -> str:
    """The seed of a run, as text."""
    return run.settings.get(SEED, str(Config().seed))


def rows(found: Sequence[Cell], judging: Judging) -> tuple[Row, ...]:
    """A row of the table for every cell."""
    return tuple(_row(cell, judging) for cell in found)


def _row(cell: Cell, judging: Judging) -> Row:
    scores = list(cell.scores.values())
    plain = table.row(_shown(cell, judging), scores=scores, failed=cell.failed, planned=len(cell.runs))
    baseline = bool(judging.baseline) and _key(cell) == _baseline_of(cell, judging)
    data, split = cell.pictures
    return replace(plain, decision=cell.decision, data=data, split=split, tree=cell.tree, baseline=baseline)


def _shown(cell: Cell, judging: Judging) -> dict[str, str]:
    """The place as the table shows it: rule and tree stand there where there is more than one."""
    decision = {DECISION: cell.decision} if len(judging.decisions) > 1 else {}
    tree = {JUDGED_BY: cell.tree} if len(judging.names) > 1 else {}
    return {**cell.place, **decision, **tree}


Key = tuple[tuple[tuple[str, str], ...], str, str]


def _key(cell: Cell) -> Key:
    return tuple(cell.place.items()), cell.decision, cell.tree


def _baseline_of(cell: Cell, judging: Judging) -> Key:
    """The key of the cell that this one is held against: under the same tree."""
    return tuple({**cell.place, **judging.baseline}.items()), PLAIN, cell.tree


def against_baseline(found: Sequence[Cell], judging: Judging) -> tuple[tuple[Difference, ...], tuple[Column, ...]]:
    """The difference of every other cell to its baseline, where both have a seed in common; and their columns.

    Answers that may stop at an inner node are left out: with the same accuracy they say less; and so is what was judged
    on other pictures than the baseline.
    """
    if not judging.baseline:
        return (), ()
    levels = [scores.levels[-1] for cell in found for scores in cell.scores.values()]
    shown = differences.compared(levels)
    return tuple(_differences(found, judging, shown)), shown


def _differences(found: Sequence[Cell], judging: Judging, shown: Sequence[Column]) -> Iterator[Difference]:
    figures = {_key(cell): {seed: table.figures(one) for seed, one in cell.scores.items()} for cell in found}
    cell_of = {_key(cell): cell for cell in found}
    for cell in found:
        key, against = _key(cell), cell_of.get(_baseline_of(cell, judging), cell)
        if cell is against or cell.pictures != against.pictures:
            continue
        if not any(map(table.may_stop, cell.scores.values())):
            places = _shown(cell, judging), _shown(against, judging)
            one = differences.difference(*places, figures[key], figures[_key(against)], shown)
            if one.pairs:
                yield one


def unjudged(judged: Mapping[str, Sequence[Judged]]) -> tuple[Unjudged, ...]:
    """What could not be judged, each reason once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, ones in judged.items():
        for one in ones:
            if one.trouble:
                found.setdefault((one.decision, one.tree, one.trouble), []).append(name)
    return tuple(
        Unjudged(decision=decision, tree=tree, reason=reason, runs=tuple(names))
        for (decision, tree, reason), names in found.items()
    )
