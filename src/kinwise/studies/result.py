"""What a study has come to: its rows, and its table as text, Markdown and CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kinwise.judge.scores import Scores
from kinwise.studies import cells, differences, table
from kinwise.studies.cells import SEED, Unjudged
from kinwise.studies.differences import Difference
from kinwise.studies.judged import Judged
from kinwise.studies.judging import PLAIN, Judging
from kinwise.studies.plan import Plan
from kinwise.studies.table import Column, Row
from kinwise.studies.work import Outcome


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a study has come to so far.

    Attributes:
        name: of the study.
        source: the file it was read from.
        folder: where its tables and runs are.
        planned: how many runs it has.
        complete: how many of them are complete.
        rows: one for every place on the axes, seeds apart, in the order of the file.
        columns: the figures of the rows.
        fixed: the values that are the same for all runs, as ``--set`` takes them.
        failed: those that failed when they were last tried, with the reason.
        judging: the rules and trees that every run is judged by; None: as it was when it was trained.
        differences: of every other row to the baseline, where there is one.
        compared: the figures of the differences.
        unjudged: rules and trees that could not be used, with the reason.
    """

    name: str
    source: str
    folder: Path
    planned: int
    complete: int
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    fixed: dict[str, str]
    failed: tuple[Outcome, ...] = ()
    judging: Judging | None = None
    differences: tuple[Difference, ...] = ()
    compared: tuple[Column, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    @property
    def baseline(self) -> str:
        """What the others are held against, in words; empty where nothing is."""
        if not self.judging or not self.judging.baseline:
            return ""
        return ", ".join([*(f"{axis} {text}" for axis, text in self.judging.baseline.items()), f"decision {PLAIN}"])

    def text(self) -> str:
        """The tables for a terminal, with their notes, the runs that failed and what could not be judged."""
        lines = [table.plain(self.rows, self.columns), "", *self.notes()]
        if self.differences:
            grid = table.aligned(differences.grid(self.differences, self.compared))
            lines += ["", f"Differences to {self.baseline}", grid, "", *self.notes_on_differences()]
        lines += [f"FAILED {one.name}: {one.reason}" for one in self.failed]
        return "\n".join([*lines, *(f"NOT JUDGED {one}" for one in self.unjudged)])

    def markdown(self) -> str:
        """The tables in Markdown, with their notes, the runs that failed and what could not be judged."""
        failed = [f"- {one.name}: `{one.reason}`" for one in self.failed]
        parts = [f"# {self.name}", table.markdown(self.rows, self.columns).rstrip(), "\n".join(self.notes())]
        if self.differences:
            grid = differences.markdown(self.differences, self.compared).rstrip()
            parts += [f"## Differences to {self.baseline}", grid, "\n".join(self.notes_on_differences())]
        parts += ["## Runs that failed", "\n".join(failed)] if failed else []
        missing = "\n".join(f"- {one}" for one in self.unjudged)
        parts += ["## Not judged", missing] if missing else []
        return "\n\n".join(parts) + "\n"

    def csv(self) -> str:
        """The table as plain numbers; of the runs that failed, each row has the names."""
        return table.comma_separated(self.rows, self.columns)

    def notes(self) -> list[str]:
        """What has to be said below the table."""
        missing = self.planned - self.complete
        said = [f"{self.complete} of {self.planned} runs are complete, {len(self.failed)} failed."] if missing else []
        return said + self.ways() + table.notes(self.rows)

    def notes_on_differences(self) -> list[str]:
        """What has to be said below the table of differences."""
        return [differences.PAIRED, differences.CHANCE]

    def ways(self) -> list[str]:
        """By which rule and which tree, where the table has no column for them."""
        if not self.judging:
            rules = dict.fromkeys(rule for row in self.rows for rule in row.rules)
            return [_by(list(rules))] if rules else []
        decisions, names = self.judging.decisions, list(self.judging.trees)
        stopping = dict.fromkeys(row.decision for row in self.rows if row.stops)
        said = [_by([*decisions])] if len(decisions) == 1 else []
        said += [f"All are judged by the tree {names[0]}."] if len(names) == 1 else []
        return [*said, f"{', '.join(stopping)} {table.MAY_STOP}"] if stopping else said


def _by(rules: list[str]) -> str:
    """By which rules runs answer that were not judged again."""
    if len(rules) == 1:
        return f"The answers are those of the rule {rules[0]}."
    return (
        f"Not all runs answer by the same rule ({', '.join(rules)}); a section [judge] with decisions judges all alike."
    )


def gather(
    plan: Plan,
    folder: Path,
    scores: Mapping[str, Scores],
    failed: Mapping[str, Outcome],
    judged: Mapping[str, Sequence[Judged]],
) -> Study:
    """The study of ``plan``, by name of the run: the scores of those that are complete, the outcomes of those that
    failed, and where the plan says how runs are judged, what came of it.
    """
    found = Study(
        name=plan.name,
        source=plan.source,
        folder=folder,
        planned=len(plan.runs),
        complete=len(scores),
        rows=(),
        columns=(),
        fixed=plan.fixed,
        failed=tuple(failed[run.name] for run in plan.runs if run.name in failed),
    )
    if plan.judging is None:
        rows = _rows_as_trained(plan, scores, failed)
        return replace(found, rows=rows, columns=table.columns(list(scores.values())))
    known = cells.cells(plan, plan.judging, judged, list(failed))
    compared, columns = cells.against_baseline(known, plan.judging)
    return replace(
        found,
        rows=cells.rows(known, plan.judging),
        columns=table.columns([scores for cell in known for scores in cell.scores.values()]),
        judging=plan.judging,
        differences=compared,
        compared=columns,
        unjudged=cells.unjudged(judged),
    )


def _rows_as_trained(plan: Plan, scores: Mapping[str, Scores], failed: Mapping[str, Outcome]) -> tuple[Row, ...]:
    return tuple(
        replace(
            table.row(
                {axis: text for axis, text in runs[0].place.items() if axis != SEED},
                scores=[scores[run.name] for run in runs if run.name in scores],
                failed=[run.name for run in runs if run.name in failed],
                planned=len(runs),
            ),
            data=runs[0].data,
            split=runs[0].split,
            tree=runs[0].tree,
        )
        for runs in cells.places(plan).values()
    )
