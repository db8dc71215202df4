"""Copies: pictures changed in one respect, to see whether the answer depends on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from jaxtyping import Int, UInt8

from kinwise.data.images import Images
from kinwise.examine.cases import Copy, Stability
from kinwise.judge.choose import Choose
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, predict

Pixels = UInt8[np.ndarray, "pictures channels height width"]

LUMINANCE = (0.299, 0.587, 0.114)
"""How bright red, green and blue are (ITU-R BT.601)."""

BLUR = 1.5 / 32
"""The standard deviation of the blur as a share of the picture's shorter side."""

TILES = 4
"""How many tiles stand beside each other in a shuffled copy, and how many above each other."""

SHIFT = 2 / 32
"""By how much of its height and width a picture is shifted."""


def grey(pixels: Pixels) -> Pixels:
    """The luminance in every channel; where there are not three channels, their mean."""
    channels = pixels.shape[1]
    weights = np.array(LUMINANCE if channels == 3 else (1 / channels,) * channels)
    bright = np.einsum("c,nchw->nhw", weights, pixels)
    return np.repeat(np.rint(bright).astype(np.uint8)[:, None], channels, axis=1)


def blurred(pixels: Pixels) -> Pixels:
    """The picture through a Gaussian filter, its edge pixels repeated outside."""
    from scipy.ndimage import gaussian_filter1d

    height, width = pixels.shape[2:]
    deviation = BLUR * min(height, width)
    rows, columns = (
        gaussian_filter1d(np.eye(side, dtype=np.float32), deviation, axis=0, mode="nearest") for side in (height, width)
    )
    return np.rint(rows @ pixels.astype(np.float32) @ columns.T).clip(0, 255).astype(np.uint8)


def shuffled(pixels: Pixels) -> Pixels:
    """``TILES`` x ``TILES`` tiles in another order, the same for all pictures; no tile stays in its place.

    Where tiles differ in size, by a pixel at most, a row or column of pixels is left out or stands twice.
    """
    rows, columns = _shuffled_places(*pixels.shape[2:])
    return pixels[:, :, rows, columns]


COPIES: dict[str, tuple[str, Callable[[Pixels], Pixels]]] = {
    "grey": ("The colours are taken away: what is left is brightness.", grey),
    "blurred": ("The picture is blurred: texture and small parts are gone, the outline and the colours stay.", blurred),
    "shuffled": ("The tiles of a 4 x 4 grid change places: the outline is gone, texture and colours stay.", shuffled),
}
"""How a picture is changed, as a sentence for people and as a function of whole batches of uint8 pixels."""


def changed_answers(
    network: Network, images: Images, answers: Int[np.ndarray, " pictures"], machine: Machine, choose: Choose
) -> tuple[list[tuple[Copy, ...]], list[Stability]]:
    """What ``network`` answers to changed copies of ``images``.

    Args:
        network: the network, on the machine's device.
        images: the pictures; their tree has the classes in the order of the network's scores.
        answers: the class that each unchanged picture got, its index.
        machine: where and in what precision the network computes.
        choose: from its probabilities to classes, as the ``answers`` were chosen.

    Returns:
        For each picture one entry per way of ``COPIES``, in that order; and for each picture what became of its copies
        shifted by ``SHIFT`` in eight directions, the edge pixels repeated, and of the mirrored one.
    """
    if not len(images):
        return [], []
    classes, every = images.hierarchy.classes, np.arange(len(images))
    changed: list[list[Copy]] = [[] for _ in every]
    for name, (_, change) in COPIES.items():
        levels = _probabilities(network, images, change(images.pixels[:]), machine)
        probabilities = levels[-1]
        answered, values, of_true = (
            array.tolist()
            for array in (choose(levels), probabilities[every, answers], probabilities[every, images.labels])
        )
        for copies, node, value, true in zip(changed, answered, values, of_true, strict=True):
            copies.append(Copy(name=name, answered=classes[node], confidence=value, true_confidence=true))
    moved = np.stack([choose(_probabilities(network, images, pixels, machine)) for pixels in _moved(images.pixels[:])])
    same, right = ((moved == expected).sum(axis=0).tolist() for expected in (answers, images.labels))
    stable = [Stability(copies=len(moved), same=a, right=b) for a, b in zip(same, right, strict=True)]
    return [tuple(copies) for copies in changed], stable


def _probabilities(network: Network, images: Images, pixels: Pixels, machine: Machine) -> Sequence[np.ndarray]:
    return predict(network, replace(images, pixels=pixels), machine)


def _moved(pixels: Pixels) -> Iterator[Pixels]:
    """The pictures shifted in eight directions, then mirrored."""
    steps = [max(1, round(SHIFT * side)) for side in pixels.shape[2:]]
    for direction in product((-1, 0, 1), repeat=2):
        if direction != (0, 0):
            rows, columns = (
                np.clip(np.arange(side) - way * step, 0, side - 1)
                for side, way, step in zip(pixels.shape[2:], direction, steps, strict=True)
            )
            yield pixels[:, :, rows[:, None], columns]
    yield np.ascontiguousarray(pixels[..., ::-1])


def _shuffled_places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """For each place of a shuffled picture the row and the column it shows, two int arrays (height, width)."""
    around = np.random.default_rng(0).permutation(TILES**2)
    source = np.empty(TILES**2, dtype=int)
    source[around] = np.roll(around, 1)  # one cycle through all tiles
    row_tile, row_inside = _tiles(height)
    column_tile, column_inside = _tiles(width)
    tile_row, tile_column = np.divmod(source[row_tile[:, None] * TILES + column_tile], TILES)
    return (
        _place(tile_row, row_inside[:, None], height),
        _place(tile_column, column_inside, width),
    )


def _tiles(side: int) -> tuple[np.ndarray, np.ndarray]:
    """For each place along a line the tile it is in, and how far into that tile it is."""
    starts = np.arange(TILES) * side // TILES
    tile = np.searchsorted(starts, np.arange(side), side="right") - 1
    return tile, np.arange(side) - starts[tile]


def _place(tile: np.ndarray, inside: np.ndarray, side: int) -> np.ndarray:
    """The place that is ``inside`` so far into ``tile``, or the last of that tile where it is shorter."""
    ends = (np.arange(TILES) + 1) * side // TILES
    return np.minimum(tile * side // TILES + inside, ends[tile] - 1)
