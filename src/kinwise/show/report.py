"""The report: everything worth knowing about one set of predictions in one HTML file that needs nothing else."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from kinwise import __version__
from kinwise.errors import InputError
from kinwise.judge.decide import decide
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.show import sections, tables
from kinwise.show.sections import Chart
from kinwise.show.tallies import display, severity_names
from kinwise.show.theme import severity_colours


def report_html(
    *,
    predictions: Predictions,
    scores: Scores,
    title: str,
    facts: Mapping[str, str],
    commands: Mapping[str, str],
    history: Sequence[Mapping[str, Any]] = (),
) -> str:
    """One self-contained HTML page; the same input gives the same text.

    Args:
        predictions: what was answered, with the truth.
        scores: of these predictions; its decision rule gives the answers that are shown.
        title: the heading of the page.
        facts: what was run, name by value: recipe, loss, seed, versions, machine.
        commands: what to type to run it again, label by shell command.
        history: one row per epoch, as in ``metrics.jsonl``; without any there are no training curves.

    Raises:
        InputError: when the scores are of other pictures or another tree.
    """
    tree = predictions.hierarchy
    if scores.n != len(predictions) or scores.levels != tree.levels:
        raise InputError(
            f"the scores ({scores.n} pictures, levels {', '.join(scores.levels)}) are not of these predictions "
            f"({len(predictions)} pictures, levels {', '.join(tree.levels)}); score the predictions again"
        )
    answers = decide(predictions, scores.decision)
    groups = {
        "accuracy": [sections.accuracy(scores)],
        "severity": sections.severity(scores, tree),
        "confusion": sections.confusion(predictions, answers),
        "tree": [sections.on_the_tree(predictions, answers)],
        "calibration": sections.calibration(predictions, scores),
        "training": sections.training(history, tree.levels),
    }
    height = len(tree.levels)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            version=__version__,
            verdict=tables.verdict(predictions, answers, scores),
            landed=tables.where_answers_land(scores),
            tiles=tables.tiles(scores),
            groups=groups,
            too_many=sections.levels_without_matrix(tree),
            top=tables.top_confusion_rows(predictions, answers),
            lowest=sections.colour_range(predictions, answers),
            classes=tables.class_rows(predictions, answers),
            tables=tables.score_tables(scores),
            terms=tables.terms(scores),
            parts=tables.parts(scores),
            cost=tables.cost(scores),
            facts=facts,
            commands=commands,
            scores=scores,
            severities=[display(name) for name in severity_names(tree)],
            colours={scheme: severity_colours(height, scheme) for scheme in ("light", "dark")},
            figures=_figures_json([chart for group in groups.values() for chart in group]),
            plotly=Markup(get_plotlyjs()),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kinwise.show", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["display"] = display
    environment.globals["read"] = lambda name: Markup(environment.loader.get_source(environment, name)[0])  # type: ignore[union-attr]
    return environment


def _figures_json(charts: Sequence[Chart]) -> Markup:
    """All figures as JSON that is safe inside a script element: no text in it can end the element."""
    figures = {chart.name: json.loads(to_json(chart.figure, validate=False, engine="json")) for chart in charts}
    text = json.dumps(figures, separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
