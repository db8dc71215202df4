"""The table of a study as one HTML file: the figures side by side, and accuracy against severity at a glance."""

from collections.abc import Sequence

import plotly.graph_objects as go

from kinwise.show.glossary import TERMS
from kinwise.show.glossary import title as title_of
from kinwise.show.page import render
from kinwise.show.sections import Chart
from kinwise.show.tallies import display
from kinwise.show.theme import figure, text
from kinwise.studies import differences, table
from kinwise.studies.cells import JUDGED_BY
from kinwise.studies.differences import Difference
from kinwise.studies.fronts import SEVERITY, finest, front_charts, fronts
from kinwise.studies.result import Study
from kinwise.studies.table import Column, Row, Spread


def study_page(study: Study) -> str:
    """One self-contained HTML page; the same study gives the same text."""
    numbered = list(enumerate(study.rows, start=1))
    if study.judging:
        charts = list(front_charts(fronts(study.rows)))
    else:
        charts = [chart for name in _data_sets(study.rows) if (chart := _chart(name, numbered))]
    keys = {"accuracy", *(column.key for column in study.columns)}
    return render(
        "study.html.j2",
        None,
        charts,
        title=study.name,
        verdict=verdict(study),
        drawn=charts,
        axes=list(study.rows[0].place),
        columns=study.columns,
        rows=[(number, row, [_cell(column, row) for column in study.columns]) for number, row in numbered],
        mark=table.MARK,
        not_comparable=not all(row.comparable for row in study.rows),
        alone=any(row.n == 1 for row in study.rows),
        failed=study.failed,
        notes=study.ways(),
        judged=study.judging is not None,
        baseline=study.baseline,
        stopping=any(row.stops for row in study.rows),
        compared=study.compared,
        differences=[
            (one, [_difference(column, one.figures.get(column.key)) for column in study.compared])
            for one in study.differences
        ],
        chance=[differences.PAIRED, differences.CHANCE],
        unjudged=study.unjudged,
        facts={"file": study.source, **study.fixed},
        terms=[(title_of(key), term.meaning) for key, term in TERMS.items() if key in keys],
    )


def verdict(study: Study) -> str:
    """How far the study is, and what is best: against the baseline, or else by accuracy where all can be compared."""
    said = f"{study.complete} of {study.planned} runs are complete"
    said += f", {len(study.failed)} failed." if study.failed else "."
    if study.differences:
        return " ".join([said, *_findings(study)])
    judged = [row for row in study.rows if row.n]
    keys = {finest(row) for row in judged}
    if len(judged) < 2 or len(keys) > 1 or len(_data_sets(judged)) > 1 or not all(row.comparable for row in judged):
        return said
    (key,) = keys
    column = next(column for column in study.columns if column.key == key)
    best = max(judged, key=lambda row: row.figures[key].mean)
    return f"{said} The highest mean {column.title} has {name_of(best)}: {table.cell(column, best.figures[key])} %."


def _findings(study: Study) -> list[str]:
    """For each tree how many rows are milder than the baseline and in no figure worse, and which is the mildest."""
    said = []
    for tree in dict.fromkeys(one.place.get(JUDGED_BY, "") for one in study.differences):
        held = [one for one in study.differences if one.place.get(JUDGED_BY, "") == tree]
        good = [one for one in held if _is_milder(one, study.compared)]
        count = f"{len(good) or 'none'} of {len(held)} rows"
        start = f"By the tree {tree} {count}" if tree else f"{count[0].upper()}{count[1:]}"
        told = f"{start} {'is' if len(good) == 1 else 'are'} milder than the baseline, and in no figure worse"
        if good:
            best = min(good, key=lambda one: one.figures[SEVERITY].mean)
            told += f"; the mildest: {', '.join(text for axis, text in best.place.items() if axis != JUDGED_BY)}"
        said.append(f"{told}.")
    return said


def _is_milder(one: Difference, compared: Sequence[Column]) -> bool:
    """Whether average severity is lower than the baseline's, and no figure worse, beyond what seeds do."""
    how = {column.key: differences.direction(column, one.figures.get(column.key)) for column in compared}
    return how[SEVERITY] == "better" and "worse" not in how.values()


def name_of(row: Row) -> str:
    """The place of a row in words."""
    return ", ".join(row.place.values()) or "every run"


def _data_sets(rows: Sequence[Row]) -> list[str]:
    return list({row.place.get("data", ""): None for row in rows})


def _cell(column: Column, row: Row) -> tuple[str, str, str]:
    """The number that a cell is sorted by, its value, and its interval; all empty where there is none."""
    found = row.figures.get(column.key)
    if found is None:
        return "", "", ""
    limits = [] if found.low is None or found.high is None else [found.low, found.high]
    shown = [f"{column.factor * number:.{column.digits}f}" for number in (found.mean, *limits)]
    return repr(found.mean), shown[0], " to ".join(shown[1:])


def _difference(column: Column, found: Spread | None) -> tuple[str, str, str, str]:
    """The number that a cell is sorted by, the difference, its interval, and "better" or "worse"; or empty texts."""
    if found is None:
        return "", "", "", ""
    limits = [] if found.low is None or found.high is None else [found.low, found.high]
    mean, *shown = [f"{column.factor * number:+.{column.digits}f}" for number in (found.mean, *limits)]
    return repr(found.mean), mean, " to ".join(shown), differences.direction(column, found)


def _chart(data: str, numbered: Sequence[tuple[int, Row]]) -> Chart | None:
    """Accuracy at the finest level against average severity of all places on one data set; None before any is done."""
    shown = [(number, row) for number, row in numbered if row.n and row.place.get("data", "") == data]
    if not shown:
        return None
    key = finest(shown[0][1])
    level = display(key.removeprefix("accuracy "))
    rows = [
        [str(number), name_of(row), _plain(row.figures[key], 100, " %"), _plain(row.figures[SEVERITY], 1, "")]
        for number, row in shown
    ]
    return Chart(
        name=f"places-{data}" if data else "places",
        heading=f"{data}: {level} accuracy against average severity" if data else "",
        description=f"{level} accuracy against average severity of {len(shown)} places on the axes",
        figure=_places(shown, key, level),
        rows=[["number", "what", f"{level} accuracy", "average severity"], *rows],
    )


def _plain(found: Spread, factor: float, unit: str) -> str:
    digits = 2 if unit else 3
    half = "" if found.high is None else f" ± {factor * (found.high - found.mean):.{digits}f}"
    return f"{factor * found.mean:.{digits}f}{half}{unit}"


def _places(shown: Sequence[tuple[int, Row]], key: str, level: str) -> go.Figure:
    """A numbered disc for every place, with the t intervals of both figures; hollow where the split is not official."""

    def values(figure_key: str, factor: float) -> list[float]:
        return [factor * row.figures[figure_key].mean for _, row in shown]

    def bars(figure_key: str, factor: float) -> dict[str, object]:
        found = [row.figures[figure_key] for _, row in shown]
        halves = [0.0 if one.high is None else factor * (one.high - one.mean) for one in found]
        return {"array": halves, "color": "var(--muted)", "thickness": 1.2, "width": 4}

    inks = ["var(--page)" if row.comparable else "var(--text)" for _, row in shown]
    fills = ["var(--accent)" if row.comparable else "var(--page)" for _, row in shown]
    discs = go.Scatter(
        x=values(SEVERITY, 1),
        y=values(key, 100),
        error_x=bars(SEVERITY, 1),
        error_y=bars(key, 100),
        mode="markers+text",
        text=[str(number) for number, _ in shown],
        textfont={"color": inks, "size": 12},
        marker={"size": 23, "opacity": 1, "color": fills, "line": {"color": "var(--accent)", "width": 1.5}},
        customdata=[
            [text(name_of(row)), _plain(row.figures[key], 100, " %"), _plain(row.figures[SEVERITY], 1, "")]
            for _, row in shown
        ],
        hovertemplate=f"<b>%{{customdata[0]}}</b><br>{text(level)} accuracy %{{customdata[1]}}"
        "<br>average severity %{customdata[2]}<extra></extra>",
    )
    return figure(
        discs,
        height=440,
        showlegend=False,
        xaxis={"title": {"text": "average severity (lower is better)"}},
        yaxis={"title": {"text": f"{text(level)} accuracy (higher is better)"}, "ticksuffix": " %"},
        margin={"l": 72},
        meta={"zoom": True},
    )
