"""The part of a report about answers that stop where the model is unsure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.promises import PROMISES, Promise, promises
from kinwise.show.charts import shares_axis
from kinwise.show.glossary import percent
from kinwise.show.sections import Chart, Rows, calibration
from kinwise.show.tallies import display
from kinwise.show.theme import figure, level_colour, text


@dataclass(frozen=True, kw_only=True)
class Unsure:
    """What a report says about answers that stop.

    Attributes:
        pictures: how many validation pictures temperature and thresholds were learned from.
        temperature: of the calibration, in words.
        rows: a table, a row for each promise, the first row the head.
        notes: about promises that cannot be made.
        stops: where the answers stop, for each promise.
        reliability: a diagram per level, after the calibration; the headings tell the error before it.
    """

    pictures: int
    temperature: str
    rows: Rows
    notes: list[str]
    stops: Chart
    reliability: list[Chart]

    @property
    def charts(self) -> list[Chart]:
        """All of them."""
        return [self.stops, *self.reliability]


def unsure(predictions: Predictions, validation: Predictions | None) -> Unsure | None:
    """What the validation pictures promise, and what the test pictures say to that; None without any."""
    if validation is None:
        return None
    temperature = temperature_for(validation.probabilities[-1], validation.labels)
    found = promises(PROMISES, predictions, validation)
    return Unsure(
        pictures=len(validation),
        temperature=_in_words(temperature),
        rows=_rows(found),
        notes=[promise.threshold.note for promise in found if promise.threshold.note],
        stops=_stops(found),
        reliability=_reliability(predictions, calibrate(predictions, temperature)),
    )


def _in_words(temperature: float) -> str:
    said = f"temperature {temperature:.2f}"
    if abs(temperature - 1) < 0.05:
        return f"{said}: the confidences were right as they were"
    return f"{said}: the confidences were too {'high' if temperature > 1 else 'low'}"


def _rows(found: Sequence[Promise]) -> Rows:
    levels = [display(level) for level in found[0].levels]
    head = ["promise", "right", "95 % interval", "answered", *(f"stops at {level}" for level in levels), "threshold"]
    rows = []
    for promise in found:
        kept, right = promise.kept, ["nothing answered", ""]
        if kept.accuracy:
            share, low, high = kept.accuracy
            right = [percent(share), f"{100 * low:.1f} to {percent(high)}"]
        stops = [percent(share) for share in kept.levels]
        threshold = f"{promise.threshold.value:.3f}"
        rows.append([percent(promise.threshold.promise, 0), *right, percent(kept.coverage), *stops, threshold])
    return [head, *rows]


def _stops(found: Sequence[Promise]) -> Chart:
    """For each promise a bar: the share of pictures whose answer stops at each level, and of those without one."""
    levels = found[0].levels
    names = [percent(promise.threshold.promise, 0) for promise in found]
    parts = [
        (display(level), [promise.kept.levels[place] for promise in found], level_colour(len(levels), place))
        for place, level in reversed(list(enumerate(levels)))
    ]
    parts.append(("no answer", [1 - promise.kept.coverage for promise in found], "var(--random)"))
    bars = [
        go.Bar(
            y=names,
            x=shares,
            name=text(name),
            orientation="h",
            marker={"color": colour},
            customdata=[percent(share) for share in shares],
            hovertemplate="promise %{y}<br><b>%{customdata}</b> of the pictures<extra>%{fullData.name}</extra>",
        )
        for name, shares, colour in parts
    ]
    told = "; ".join(
        f"promise {name}: " + ", ".join(f"{part} {percent(shares[row])}" for part, shares, _ in parts)
        for row, name in enumerate(names)
    )
    return Chart(
        name="stops",
        heading="Where the answers stop",
        description=f"Share of pictures whose answer stops at each level; {told}",
        figure=figure(
            *bars,
            height=300,
            barmode="stack",
            bargap=0.35,
            xaxis=shares_axis(),
            yaxis={"type": "category", "autorange": "reversed", "title": {"text": "promise"}, "showgrid": False},
            legend={"traceorder": "normal"},
        ),
        rows=[["promise", *(part for part, _, _ in parts)]]
        + [[name, *(percent(shares[row]) for _, shares, _ in parts)] for row, name in enumerate(names)],
    )


def _reliability(before: Predictions, after: Predictions) -> list[Chart]:
    """A diagram per level of the calibrated probabilities, headed by the calibration error before and after."""
    was, now = score(before, resamples=1), score(after, resamples=1)
    charts: list[Chart] = []
    for level, chart in zip(before.hierarchy.levels, calibration(after, now), strict=True):
        old, new = (percent(one.level[level]["calibration_error"].value, 2) for one in (was, now))
        heading = f"{display(level).capitalize()}: calibration error {new}, before {old}"
        charts.append(replace(chart, name=f"calibrated-{len(charts)}", heading=heading, description=heading))
    return charts
