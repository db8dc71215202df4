"""What every page shares: templates, colours, figures and plotly's own script, all inside one HTML file."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from kinwise import __version__
from kinwise.hierarchy import Hierarchy
from kinwise.show.sections import Chart
from kinwise.show.tallies import display, severity_names
from kinwise.show.theme import page_colours


def render(template: str, tree: Hierarchy | None, charts: Sequence[Chart], *, runs: int = 0, **values: Any) -> str:
    """One self-contained HTML page; the same input gives the same text.

    Args:
        template: the name of a template that extends ``page.html.j2``.
        tree: the tree whose severities have colours and names on the page; None where it shows none.
        charts: every chart on the page; its script finds them by their names.
        runs: how many runs stand side by side, each with a colour of its own.
        values: whatever else the template needs; texts are escaped.
    """
    height = len(tree.levels) if tree else 1
    return (
        _environment()
        .get_template(template)
        .render(
            version=__version__,
            severities=[display(name) for name in severity_names(tree)] if tree else [],
            colours={scheme: page_colours(height, runs, scheme) for scheme in ("light", "dark")},
            figures=json_inside(_figures(charts)),
            plotly=Markup(get_plotlyjs()),
            **values,
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


def json_inside(value: Any) -> Markup:
    """A value as JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _figures(charts: Sequence[Chart]) -> dict[str, Any]:
    return {chart.name: json.loads(to_json(chart.figure, validate=False, engine="json")) for chart in charts}
