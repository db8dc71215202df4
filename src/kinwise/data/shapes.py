"""The embedded data set: small colour pictures of figures, drawn here, so that nothing has to be downloaded.

Each picture shows one figure at some place, size, angle and slant, in front of clutter and partly behind some, in
textured colours, blurred and noisy. Figures of one family resemble each other more than strangers do, so the mistakes
of a trained network look natural.
"""

import numpy as np

from kinwise.data.figures import TREE, UPRIGHT, Array, Figure
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy

SIDE = 32
"""Height and width of a picture, in pixels."""

_FINE = 2  # a pixel of a figure is the mean of 2 x 2 points
_BATCH = 50  # small enough for the processor's cache
_CLUTTER_BEHIND, _CLUTTER_IN_FRONT = 3, 1


def shapes(seed: int = 0, train: int = 250, test: int = 50) -> Images:
    """Draw the data set: 4 groups, 10 superclasses, 32 classes, colour pictures of 32x32.

    Test pictures do not depend on ``train``, nor training pictures on ``test``.

    Args:
        seed: the same seed draws the same pictures.
        train: training pictures per class.
        test: test pictures per class.

    Raises:
        InputError: when there would be no picture.
    """
    if min(train, test, seed) < 0 or train + test == 0:
        raise InputError(
            f"shapes needs a seed and numbers of pictures that are not negative, and one picture at least; "
            f"got seed {seed}, {train} training and {test} test pictures per class"
        )
    hierarchy, counts = shapes_hierarchy(), {"train": train, "test": test}
    pixels = [_draw_part(seed, number, count) for number, count in enumerate(counts.values())]
    per_part = [count * len(hierarchy.classes) for count in counts.values()]
    return Images(
        pixels=np.concatenate(pixels),
        labels=np.concatenate([np.repeat(np.arange(len(hierarchy.classes)), count) for count in counts.values()]),
        ids=np.array(
            [
                f"shapes/{part}/{name}/{number}"
                for part, count in counts.items()
                for name in hierarchy.classes
                for number in range(count)
            ]
        ),
        parts=np.repeat(list(counts), per_part),
        hierarchy=hierarchy,
        name="shapes",
    )


def shapes_hierarchy() -> Hierarchy:
    """The tree of the figures: group > superclass > class."""
    rows = [(group, superclass, name) for group, superclass, name, _ in _figures()]
    names, parents = ["figures"], [-1]
    for depth in range(3):
        for row in dict.fromkeys(row[: depth + 1] for row in rows):
            names.append(row[-1])
            parents.append(names.index(row[-2]) if depth else 0)
    return Hierarchy(parents=np.array(parents), names=tuple(names))


def _figures() -> list[tuple[str, str, str, Figure]]:
    """Group, superclass, class and figure, in the order of the classes."""
    return [
        (group, superclass, name, figure)
        for group, superclasses in TREE.items()
        for superclass, figures in superclasses.items()
        for name, figure in figures.items()
    ]


def _draw_part(seed: int, part: int, count: int) -> Array:
    """``count`` pictures of every class, class after class."""
    pixels = np.empty((len(_figures()) * count, 3, SIDE, SIDE), dtype=np.uint8)
    for class_, (_, superclass, _, figure) in enumerate(_figures()):
        generator = np.random.default_rng([seed, part, class_])
        of_class = pixels[class_ * count : (class_ + 1) * count]
        for start in range(0, count, _BATCH):
            batch = of_class[start : start + _BATCH]
            batch[:] = _draw(figure, superclass in UPRIGHT, len(batch), generator)
    return pixels


# --- one batch of pictures of one class ----------------------------------------------------------------------------


def _draw(figure: Figure, upright: bool, count: int, generator: np.random.Generator) -> Array:
    """Pictures of one figure, uint8, shape (count, 3, SIDE, SIDE)."""
    colour_behind, colour = _two_colours(count, generator)
    pictures = _paint(colour_behind, generator)
    for _ in range(_CLUTTER_BEHIND):
        pictures = _with_clutter(pictures, generator, likely=0.6, largest=0.3)
    covered = _coverage(figure, upright, count, generator)
    pictures += covered[:, None] * (_paint(colour, generator) - pictures)
    for _ in range(_CLUTTER_IN_FRONT):
        pictures = _with_clutter(pictures, generator, likely=0.5, largest=0.2)
    return _photograph(pictures, generator)


def _uniform(generator: np.random.Generator, low: float, high: float, *shape: int) -> Array:
    return (low + (high - low) * generator.random(shape, dtype=np.float32)).astype(np.float32)


def _grid(side: int) -> tuple[Array, Array]:
    """The coordinates of the pixels' centres, (1, 1, side) to the right and (1, side, 1) down, between -1 and 1."""
    centres = ((np.arange(side, dtype=np.float32) + 0.5) * 2 / side - 1).astype(np.float32)
    return centres[None, None, :], centres[None, :, None]


def _two_colours(count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """A colour and one that differs from it more or less, each of shape (count, 3)."""
    first, candidates = _uniform(generator, 0, 1, count, 3), _uniform(generator, 0, 1, count, 8, 3)
    difference = np.linalg.norm(candidates - first[:, None], axis=2)
    wanted = _uniform(generator, 0.35, 1.0, count, 1)
    return first, candidates[np.arange(count), np.abs(difference - wanted).argmin(axis=1)]


def _paint(colour: Array, generator: np.random.Generator) -> Array:
    """Areas of these colours, with a gradient and a wavy texture, (count, 3, SIDE, SIDE)."""
    right, down = _grid(SIDE)
    lean = _uniform(generator, -0.15, 0.15, 2, len(colour), 1, 1)
    wave = _uniform(generator, -9, 9, 2, len(colour), 1, 1)
    strength, phase = _uniform(generator, 0, 0.08, len(colour), 1, 1), _uniform(generator, 0, 6.3, len(colour), 1, 1)
    shade = lean[0] * right + lean[1] * down + strength * np.sin(wave[0] * right + wave[1] * down + phase)
    tint = _uniform(generator, 0.3, 1.0, len(colour), 3, 1, 1)
    return colour[:, :, None, None] + tint * shade[:, None]


def _coverage(figure: Figure, upright: bool, count: int, generator: np.random.Generator) -> Array:
    """Which share of each pixel the figure covers, shape (count, SIDE, SIDE), at a random pose for each picture."""

    def draw(low: float, high: float) -> Array:
        return _uniform(generator, low, high, count, 1, 1)

    right, down = _grid(SIDE * _FINE)
    size, angle = draw(0.42, 0.8), np.deg2rad(draw(-15, 15) if upright else draw(-180, 180))
    room = 1 - 0.85 * size
    right, down = right - room * draw(-1, 1), down - room * draw(-1, 1)
    tilt = 1 + draw(-0.2, 0.2) * right + draw(-0.2, 0.2) * down
    right, down = right / (tilt * size), down / (tilt * size)
    u, v = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    stretch = np.exp(draw(-0.2, 0.2))
    u, v = u * stretch + draw(-0.15, 0.15) * v, v / stretch
    edge = figure(u, v, draw(0, 1), draw(0, 1)) * (size * SIDE * _FINE / 2)  # now in fine pixels
    fine = np.clip(0.5 - edge, 0, 1)
    points = [fine[:, row::_FINE, column::_FINE] for row in range(_FINE) for column in range(_FINE)]
    return np.mean(points, axis=0)


def _with_clutter(pictures: Array, generator: np.random.Generator, *, likely: float, largest: float) -> Array:
    """The pictures with a bar or a blob in each, or in some of them."""
    count, (right, down) = len(pictures), _grid(SIDE)

    def draw(low: float, high: float) -> Array:
        return _uniform(generator, low, high, count, 1, 1)

    angle = draw(0, 3.2)
    right, down = right - draw(-1, 1), down - draw(-1, 1)
    u, v = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    long, thin = draw(0.06, largest), draw(0.04, largest / 2)
    is_bar = draw(0, 1) < 0.5
    bar = np.maximum(np.abs(u) - 3 * long, np.abs(v) - thin)
    blob = np.sqrt(u * u + v * v) - long
    covered = np.clip(0.5 - np.where(is_bar, bar, blob) * (SIDE / 2), 0, 1) * (draw(0, 1) < likely)
    return pictures + covered[:, None] * (_uniform(generator, 0, 1, count, 3, 1, 1) - pictures)


def _photograph(pictures: Array, generator: np.random.Generator) -> Array:
    """Blur, light and noise, each by its own amount, then 8 bits."""
    count = len(pictures)
    side = _uniform(generator, 0, 0.3, count, 1, 1, 1)  # the weight of a neighbour
    for _ in range(2):  # along the height, then, turned, along the width
        wide = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (0, 0)), mode="edge")
        pictures = (1 - 2 * side) * pictures + side * (wide[:, :, :-2] + wide[:, :, 2:])
        pictures = pictures.swapaxes(2, 3)
    light = _uniform(generator, 0.6, 1.1, count, 1, 1, 1)
    noise = _uniform(generator, 0.01, 0.09, count, 1, 1, 1)
    pictures = pictures * light + noise * generator.standard_normal(pictures.shape, dtype=np.float32)
    return (np.clip(pictures, 0, 1) * 255 + 0.5).astype(np.uint8)
