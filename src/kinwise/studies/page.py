"""The table of a study as one HTML file: the figures side by side, and accuracy against severity at a glance."""

from collections.abc import Sequence

import plotly.graph_objects as go

from kinwise.show.glossary import TERMS, meaning
from kinwise.show.glossary import title as title_of
from kinwise.show.page import render
from kinwise.show.sections import Chart
from kinwise.show.theme import figure, text
from kinwise.studies import differences, table
from kinwise.studies.alike import SEVERITY, Alike, alike, finest, name_among
from kinwise.studies.differences import Difference
from kinwise.studies.fronts import front_charts
from kinwise.studies.result import Study
from kinwise.studies.table import Column, Row, Spread


def study_page(study: Study) -> str:
    """One self-contained HTML page; the same study gives the same text."""
    numbered = list(enumerate(study.rows, start=1))
    charts = list(front_charts(alike(study.rows))) if study.judging else _charts(study.rows)
    stopping = any(row.stops for row in study.rows)
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
        stopping=stopping,
        compared=study.compared,
        differences=[
            (one, [_difference(column, one.figures.get(column.key)) for column in study.compared])
            for one in study.differences
        ],
        chance=[differences.PAIRED, differences.CHANCE],
        unjudged=study.unjudged,
        facts={"file": study.source, **study.fixed},
        terms=[(title_of(key), meaning(key, stopping=stopping)) for key in TERMS if key in keys],
    )


def verdict(study: Study) -> str:
    """How far the study is, and what is best: against the baseline, or else by accuracy where all can be compared."""
    said = f"{study.complete} of {study.planned} runs are complete"
    said += f", {len(study.failed)} failed." if study.failed else "."
    if study.differences:
        return " ".join([said, *_findings(study)])
    judged = [row for row in study.rows if row.n]
    keys = {finest(row) for row in judged}
    pictures = {(row.data, row.split) for row in judged}
    if len(judged) < 2 or len(keys) > 1 or len(pictures) > 1 or not all(row.comparable for row in judged):
        return said
    (key,) = keys
    column = next(column for column in study.columns if column.key == key)
    best = max(judged, key=lambda row: row.figures[key].mean)
    return f"{said} The highest mean {column.title} has {name_of(best)}: {table.cell(column, best.figures[key])} %."


def _findings(study: Study) -> list[str]:
    """Of each set of rows that compare: how many are milder than the baseline and in no figure worse."""
    groups, said = alike(study.rows), []
    for group in groups:
        places = [row.place for _, row in group.numbered]
        held = [one for one in study.differences if one.place in places]
        if held:
            said.append(_finding(held, study.compared, group.where if len(groups) > 1 else ""))
    return said


def _finding(held: Sequence[Difference], compared: Sequence[Column], where: str) -> str:
    """What the differences of rows that compare come to; ``where`` says which rows, empty for all.

    Only rows count whose severity has an interval: those of two seeds at least.
    """
    known = [one for one in held if one.figures[SEVERITY].n > 1]
    good = [one for one in known if _is_milder(one, compared)]
    told = f"{len(good) or 'none'} of {len(known)} rows {'is' if len(good) == 1 else 'are'} milder than the baseline, "
    told += "and in no figure worse"
    if not known:
        told = "one seed alone cannot tell which rows are milder than the baseline"
    elif good:
        told += f"; the mildest: {name_among(min(good, key=lambda one: one.figures[SEVERITY].mean).place)}"
    said = f"{where} {told}.".lstrip()
    return said[0].upper() + said[1:]


def _is_milder(one: Difference, compared: Sequence[Column]) -> bool:
    """Whether average severity is lower than the baseline's, and no figure worse, beyond what seeds do."""
    how = {column.key: differences.direction(column, one.figures.get(column.key)) for column in compared}
    return how[SEVERITY] == "better" and "worse" not in how.values()


def name_of(row: Row) -> str:
    """The place of a row in words."""
    return ", ".join(row.place.values()) or "every run"


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


def _charts(rows: Sequence[Row]) -> list[Chart]:
    """Accuracy at the finest level against average severity, a chart for each data set and tree.

    On a chart another split has another mark.
    """
    return [_chart(group, f"places-{place}") for place, group in enumerate(alike(rows, apart=["data"]), start=1)]


def _chart(group: Alike, name: str) -> Chart:
    shown, key, what = group.numbered, group.key, f"{group.level} accuracy against average severity"
    rows = [
        [str(number), name_of(row), _plain(row.figures[key], 100, " %"), _plain(row.figures[SEVERITY], 1, "")]
        for number, row in shown
    ]
    return Chart(
        name=name,
        heading=f"{group.heading}: {what}" if group.heading else "",
        description=f"{what} of {len(shown)} places on the axes",
        figure=_places(shown, key, group.level),
        rows=[["number", "what", f"{group.level} accuracy", "average severity"], *rows],
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
