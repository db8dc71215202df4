"""Differences to a baseline: the same seed with and without, so that what the seeds share does not count."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kinwise.studies.table import Column, Spread, accuracy_column, cell, figure_column, markdown_of, spread

COMPARED = ("full_path_accuracy", "average_severity", "hierarchical_distance_at_5")
"""The figures that are compared, after the accuracy at the finest level."""
PAIRED = "Means of the differences between runs of the same seed ± half the 95 % t interval over seeds."
CHANCE = "better, worse: the interval excludes 0; of many intervals, one in twenty does so by chance alone."


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What runs at one place have more than those of the baseline.

    Attributes:
        place: the value on every axis but the seed, as in the table.
        baseline: the place of the baseline.
        pairs: how many seeds both have.
        figures: key of the column -> mean and interval of the differences; one that is undefined is left out.
    """

    place: dict[str, str]
    baseline: dict[str, str]
    pairs: int
    figures: dict[str, Spread]


def difference(
    place: Mapping[str, str],
    baseline: Mapping[str, str],
    own: Mapping[str, Mapping[str, float]],
    theirs: Mapping[str, Mapping[str, float]],
    shown: Sequence[Column],
) -> Difference:
    """mean +- t * s / sqrt(n) of ``own`` less ``theirs``, figures by seed and key, over the seeds that both have.

    Student, Biometrika 1908. It shows how far other seeds would move the difference on the same test pictures.
    """
    seeds = [seed for seed in own if seed in theirs]
    found = {}
    for column in shown:
        known = [seed for seed in seeds if column.key in own[seed] and column.key in theirs[seed]]
        if known:
            found[column.key] = spread([own[seed][column.key] - theirs[seed][column.key] for seed in known])
    return Difference(place=dict(place), baseline=dict(baseline), pairs=len(seeds), figures=found)


def compared(finest: Sequence[str]) -> tuple[Column, ...]:
    """The columns of the differences, where the finest levels are called so."""
    return (*map(accuracy_column, dict.fromkeys(finest)), *map(figure_column, COMPARED))


def direction(column: Column, found: Spread | None) -> str:
    """Whether the difference is "better" or "worse"; empty where its interval holds 0, or where there is none."""
    if found is None or found.low is None or found.high is None or found.low <= 0 <= found.high:
        return ""
    return "better" if (found.low > 0) == (column.better == "higher") else "worse"


# --- writing --------------------------------------------------------------------------------------------------------


def signed(column: Column, found: Spread | None) -> str:
    """A difference with half its interval: "+0.44 ± 0.31"; empty where there is none."""
    plain = cell(column, found)
    return f"+{plain}" if found is not None and not plain.startswith("-") else plain


def grid(found: Sequence[Difference], shown: Sequence[Column]) -> list[list[str]]:
    """The table as texts, the first line its head."""
    lines = [[*(found[0].place if found else ()), "pairs", *(column.heading for column in shown)]]
    for one in found:
        cells = [
            f"{signed(column, one.figures.get(column.key))} {direction(column, one.figures.get(column.key))}".rstrip()
            for column in shown
        ]
        lines.append([*one.place.values(), str(one.pairs), *cells])
    return lines


def markdown(found: Sequence[Difference], shown: Sequence[Column]) -> str:
    """The table in Markdown, without its notes."""
    return markdown_of(grid(found, shown), words=len(found[0].place) if found else 0)


def comma_separated(found: Sequence[Difference], shown: Sequence[Column]) -> str:
    """The table as CSV: the axes, then plain numbers; shares are 0..1, not in per cent.

    Of each figure mean, low, high, n, and whether the interval excludes 0: true, false, or empty where there is none.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    parts = (*Spread._fields, "excludes_0")
    names = [f"{column.key.replace(' ', '_')}_{part}" for column in shown for part in parts]
    writer.writerow([*(found[0].place if found else ()), "pairs", *names])
    for one in found:
        numbers = [number for column in shown for number in _numbers(column, one.figures.get(column.key))]
        writer.writerow([*one.place.values(), one.pairs, *numbers])
    return text.getvalue()


def _numbers(column: Column, found: Spread | None) -> list[str]:
    if found is None:
        return ["", "", "", "0", ""]
    if found.low is None or found.high is None:
        return [repr(found.mean), "", "", str(found.n), ""]
    excludes = str(direction(column, found) != "").lower()
    return [repr(found.mean), repr(found.low), repr(found.high), str(found.n), excludes]
