"""Failures for a paper: pictures beside the heat maps of what was answered."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from kinwise.examine.album import image_of
from kinwise.examine.cases import Case
from kinwise.examine.explanations import Explanations
from kinwise.show.glossary import percent
from kinwise.show.paper.captions import plain
from kinwise.show.paper.style import TWO_COLUMNS, Drawing, fitted, width_of

_MOST_CASES = 12
_SIDE_BY_SIDE = 4
_GAP, _BETWEEN, _LINE = 0.03, 0.12, 0.125
_SIZE = 7
_SMALLEST, _LARGEST = 128, 256
_HEAT = 0.55
_RAMP = "inferno"


def montage(explanations: Explanations | None) -> list[Drawing]:
    """The first failures: picture, picture under the heat map of the answered class, what was true and answered."""
    if not explanations or not explanations.cases:
        return []
    cases = explanations.cases[:_MOST_CASES]
    columns = min(len(cases), _SIDE_BY_SIDE)
    rows = -(-len(cases) // columns)
    side = (TWO_COLUMNS + _BETWEEN) / _SIDE_BY_SIDE / 2 - (_GAP + _BETWEEN) / 2
    row_height = side + 2 * _LINE + _BETWEEN
    height = rows * row_height - _BETWEEN / 2
    figure = Figure(figsize=(TWO_COLUMNS, height))
    for place, case in enumerate(cases):
        left = (place % _SIDE_BY_SIDE) * (2 * side + _GAP + _BETWEEN)
        top = height - place // _SIDE_BY_SIDE * row_height
        heat = explanations.maps[place, _target(case)]
        for part, image in enumerate(_pair(explanations.pictures[place], heat)):
            _show(figure, image, (left + part * (side + _GAP), top - side, side))
        for line, text in enumerate(_lines(case, 2 * side + _GAP)):
            below = top - side - 0.03 - line * _LINE
            where = (left / TWO_COLUMNS, below / height)
            figure.text(*where, text, size=_SIZE, va="top")
    return [Drawing(name="failures", figure=figure, caption=_caption(cases, explanations))]


def overlay(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """A heat map, uint8 (height, width), 0 cold to 255 hot, laid over a picture of any size, bilinearly."""
    warm = np.asarray(Image.fromarray(heat).resize(picture.size, Image.Resampling.BILINEAR))
    colours = matplotlib.colormaps[_RAMP](warm)[:, :, :3]
    mixed = (1 - _HEAT) * np.asarray(picture) / 255 + _HEAT * colours
    return Image.fromarray(np.rint(255 * mixed).astype(np.uint8))


def _pair(picture: np.ndarray, heat: np.ndarray) -> tuple[Image.Image, Image.Image]:
    """The picture and the same with its heat map, large enough for a smooth map and small enough for a file."""
    image = image_of(picture)
    image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    times = max(1, -(-_SMALLEST // max(image.size)))
    image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    return image, overlay(image, heat)


def _show(figure: Figure, image: Image.Image, box: tuple[float, float, float]) -> None:
    """Put an image into a square whose left, bottom and side are given in inches."""
    width, height = figure.get_size_inches()
    left, bottom, side = box
    axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
    axes.imshow(np.asarray(image), interpolation="none")
    axes.set_anchor("SW")
    axes.set_axis_off()


def _lines(case: Case, width: float) -> tuple[str, str]:
    """What was true, and below it what was answered and how sure the network was; names are cut to the width."""
    last = case.failure.path[-1]
    sure = f", {percent(last.confidence, 0)}"
    true, answered = (
        fitted(name, width - width_of(f"|{end}", _SIZE), _SIZE) + end
        for name, end in ((last.true, " >"), (last.answered, sure))
    )
    return true, answered


def _target(case: Case) -> int:
    """The heat map of the answered class."""
    targets = [one.target for one in case.maps]
    return targets.index(case.failure.path[-1].level)


def _caption(cases: Sequence[Case], explanations: Explanations) -> str:
    level = plain(cases[0].failure.path[-1].level)
    told = "; ".join(f"{plain(case.failure.path[-1].true)} > {plain(case.failure.path[-1].answered)}" for case in cases)
    return (
        f"{len(cases)} of the {len(explanations.cases)} failures that were explained, chosen to differ, not at random: "
        f"the picture, and what its answered {level} rests on ({plain(explanations.method)} heat map, dark is cold, "
        "bright is hot); below, true > answered and the probability of the answer. From left to right, row by row: "
        f"{told}."
    )
