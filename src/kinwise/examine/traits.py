"""Traits: what can be measured of any picture, and which of them failures have in common."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kinwise.data.rows import Pixels
from kinwise.examine.cases import Trait
from kinwise.judge.compare import holm
from kinwise.judge.rates import mantel_haenszel, newcombe

FEWEST = 10
"""Pictures on either side of a comparison, in either half, below which nothing is compared."""

QUARTER = 0.25
"""The share of each class's pictures that makes up a side of a trait."""

_LEVEL = 0.05  # of all tests together
_EDGE = 20.0  # grey levels per pixel from which a change of brightness is an edge
_BLOCK = 2**20  # values that are worked on at once


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How a trait is measured: from uint8 pixels (pictures, channels, height, width) to float, (pictures,).

    Attributes:
        low: what to call pictures with little of it.
        high: what to call pictures with much of it.
        of: the function; NaN where the trait is undefined.
    """

    low: str
    high: str
    of: Callable[[np.ndarray], np.ndarray]


def traits_of(pixels: Pixels) -> dict[str, np.ndarray]:
    """Every trait of every picture, float64, shape (pictures,), by name; measured in blocks of pictures.

    Args:
        pixels: uint8, shape (pictures, channels, height, width), one or three channels, in memory or a memory map.
    """
    found = {name: np.empty(len(pixels)) for name in TRAITS}
    size = max(1, _BLOCK // max(1, math.prod(pixels.shape[1:])))
    for start in range(0, len(pixels), size):
        block = np.asarray(pixels[start : start + size])
        for name, measure in TRAITS.items():
            found[name][start : start + size] = measure.of(block)
    return found


def described(name: str, side: str) -> str:
    """What to call the pictures at one side, "low" or "high", of a trait; of an unknown one too."""
    if name in TRAITS:
        return TRAITS[name].low if side == "low" else TRAITS[name].high
    return f"{side} {name}"


# --- what failures have in common ------------------------------------------------------------------------------------


def common(
    traits: Mapping[str, np.ndarray], wrong: np.ndarray, labels: np.ndarray, *, seed: int = 0
) -> tuple[Trait, ...]:
    """The traits that make pictures fail more or less often, the strongest difference first; empty if there is none.

    The pictures of each true class are ranked by a trait, and its lowest and its highest quarter are two sides: so a
    class that is dark and hard alike says nothing about dark pictures. The pictures are split into two halves, class by
    class. On the first half each side's error rate is compared with the rest by the test of Mantel and Haenszel within
    the classes, two-sided, and those that stay below 5 % after Holm's correction are found. On the second half exactly
    these are checked: their difference, side minus rest, has Newcombe's 95 % interval, each for itself.

    A trait that holds goes together with mistakes; it need not be their cause.

    Args:
        traits: by name, those of ``traits_of`` and any others, float, shape (pictures,); pictures with NaN are left
            out.
        wrong: whether each picture is a mistake, bool, shape (pictures,).
        labels: the class index of each picture, int, shape (pictures,).
        seed: of the halves.
    """
    first = _first_half(labels, seed)
    sides = [
        (name, side, chosen, rest)
        for name, values in traits.items()
        for side, chosen, rest in _sides(values, labels)
        if _enough(chosen, rest, first)
    ]
    p = holm(np.array([mantel_haenszel(chosen & first, rest & first, wrong, labels) for *_, chosen, rest in sides]))
    found = [_trait(*one, wrong, first) for one, chance in zip(sides, p, strict=True) if chance <= _LEVEL]
    return tuple(sorted(found, key=lambda trait: -abs(trait.found[0] - trait.found[1])))


def _first_half(labels: np.ndarray, seed: int) -> np.ndarray:
    """Whether each picture is in the first half: of every class half of the pictures, to within one."""
    order = np.lexsort((np.random.default_rng(seed).random(len(labels)), labels))
    first = np.empty(len(labels), dtype=bool)
    first[order] = np.arange(len(labels)) % 2 == 0
    return first


def _sides(values: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The name of each side, whether a picture is on it, and whether it is one of the rest; bool, (pictures,)."""
    places, known = _places(values, labels), np.isfinite(values)
    for name, chosen in (("low", places < QUARTER), ("high", places > 1 - QUARTER)):
        yield name, chosen, known & ~chosen


def _places(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The share of the pictures of its class below each picture, and half of those equal to it; NaN do not count."""
    places = np.full(len(values), np.nan)
    known = np.isfinite(values)
    for class_ in np.unique(labels[known]):
        among = known & (labels == class_)
        ordered = np.sort(values[among])
        below, up_to = (np.searchsorted(ordered, values[among], side) for side in ("left", "right"))
        places[among] = (below + up_to) / 2 / len(ordered)
    return places


def _enough(side: np.ndarray, rest: np.ndarray, first: np.ndarray) -> bool:
    return all((part & half).sum() >= FEWEST for part in (side, rest) for half in (first, ~first))


def _trait(name: str, where: str, side: np.ndarray, rest: np.ndarray, wrong: np.ndarray, first: np.ndarray) -> Trait:
    found = float(wrong[side & first].mean()), float(wrong[rest & first].mean())
    inside, outside = wrong[side & ~first], wrong[rest & ~first]
    difference = newcombe(int(inside.sum()), len(inside), int(outside.sum()), len(outside))
    same_sign = (found[0] - found[1]) * difference[0] > 0
    return Trait(
        name=name,
        side=where,
        pictures=len(inside),
        found=found,
        checked=(float(inside.mean()), float(outside.mean())),
        difference=difference,
        holds=same_sign and (difference[1] > 0 or difference[2] < 0),
    )


# --- what is measured ------------------------------------------------------------------------------------------------


def brightness(pixels: np.ndarray) -> np.ndarray:
    """The mean of the grey picture, 0..255."""
    return _grey(pixels).mean(axis=(1, 2))


def contrast(pixels: np.ndarray) -> np.ndarray:
    """The standard deviation of the grey picture, 0..127.5."""
    return _grey(pixels).std(axis=(1, 2))


def colourfulness(pixels: np.ndarray) -> np.ndarray:
    """How colourful a picture looks, from 0 (grey) to about 110 (Hasler and Suesstrunk, Human Vision VIII 2003).

    With rg = R - G and yb = (R + G) / 2 - B: sqrt(std(rg)^2 + std(yb)^2) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2).
    """
    red, green, blue = _colours(pixels)
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, offset = opponents.std(axis=(2, 3)), opponents.mean(axis=(2, 3))
    return np.hypot(*spread) + 0.3 * np.hypot(*offset)


def warmth(pixels: np.ndarray) -> np.ndarray:
    """The mean of red minus blue, -255..255."""
    red, _, blue = _colours(pixels)
    return (red - blue).mean(axis=(1, 2))


def sharpness(pixels: np.ndarray) -> np.ndarray:
    """The variance of the Laplacian of the grey picture, >= 0 (Pech-Pacheco et al., ICPR 2000)."""
    up, down, left, right, grey = _neighbours(pixels)
    return (up + down + left + right - 4 * grey).var(axis=(1, 2))


def clutter(pixels: np.ndarray) -> np.ndarray:
    """The share of pixels at which the grey picture changes by 20 levels per pixel or more, 0..1."""
    return (_energy(pixels) >= _EDGE**2).mean(axis=(1, 2))


def off_centre(pixels: np.ndarray) -> np.ndarray:
    """How far the centre of the edges is from the middle, 0 there, 1 in a corner; NaN without edges.

    Every pixel counts by its squared gradient.
    """
    return np.hypot(*_centre(_energy(pixels))) / math.sqrt(2)


def extent(pixels: np.ndarray) -> np.ndarray:
    """How far edges are from their centre (root of the mean square), in half diagonals; even ones .58, NaN for none."""
    energy = _energy(pixels)
    down, right = _centre(energy)
    far = (_axis(energy, 1) - down[:, None, None]) ** 2 + (_axis(energy, 2) - right[:, None, None]) ** 2
    return np.sqrt(_mean_over(energy, far) / 2)


def background(pixels: np.ndarray) -> np.ndarray:
    """How uneven the outer eighth on every side is: the root of its variance, the mean over colours, 0..127.5."""
    return np.sqrt(pixels[:, :, _ring(pixels)].astype(np.float32).var(axis=2).mean(axis=1))


def distinctness(pixels: np.ndarray) -> np.ndarray:
    """How far the mean colour of the middle is from that of the outer eighth on every side, 0..442."""
    height, width = pixels.shape[2:]
    middle = pixels[:, :, height // 4 : height - height // 4, width // 4 : width - width // 4]
    outside = pixels[:, :, _ring(pixels)].mean(axis=2, dtype=np.float32)
    return np.linalg.norm(middle.mean(axis=(2, 3), dtype=np.float32) - outside, axis=1)


def symmetry(pixels: np.ndarray) -> np.ndarray:
    """The correlation of the grey picture with its mirror image, -1..1; NaN for one plain grey."""
    grey = _grey(pixels)
    grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    return _quotient((grey * grey[:, :, ::-1]).sum(axis=(1, 2)), (grey**2).sum(axis=(1, 2)))


TRAITS: dict[str, Measure] = {
    "brightness": Measure(low="dark", high="bright", of=brightness),
    "contrast": Measure(low="low contrast", high="high contrast", of=contrast),
    "colourfulness": Measure(low="little colour", high="colourful", of=colourfulness),
    "warmth": Measure(low="cold colours", high="warm colours", of=warmth),
    "sharpness": Measure(low="blurred", high="sharp", of=sharpness),
    "clutter": Measure(low="few edges", high="many edges", of=clutter),
    "off-centre": Measure(low="edges around the middle", high="edges off the centre", of=off_centre),
    "extent": Measure(low="edges in one place", high="edges far out", of=extent),
    "background": Measure(low="plain background", high="busy background", of=background),
    "distinctness": Measure(low="coloured like its background", high="unlike its background", of=distinctness),
    "symmetry": Measure(low="left unlike right", high="left like right", of=symmetry),
}
"""What is measured of every picture, by name."""


def _colours(pixels: np.ndarray) -> np.ndarray:
    """Red, green and blue, float32, (3, pictures, height, width); equal for a grey picture."""
    return np.broadcast_to(pixels, (len(pixels), 3, *pixels.shape[2:])).astype(np.float32).transpose(1, 0, 2, 3)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """The luma of ITU-R BT.601, float32, (pictures, height, width), 0..255."""
    red, green, blue = _colours(pixels)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _neighbours(pixels: np.ndarray) -> tuple[np.ndarray, ...]:
    """The grey values above, below, left and right of every pixel, and its own; the border is repeated outside."""
    grey = _grey(pixels)
    wide = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:], grey


def _energy(pixels: np.ndarray) -> np.ndarray:
    """The squared gradient of the grey picture, (pictures, height, width), in grey levels per pixel."""
    up, down, left, right, _ = _neighbours(pixels)
    return ((down - up) / 2) ** 2 + ((right - left) / 2) ** 2


def _axis(array: np.ndarray, axis: int) -> np.ndarray:
    """The places of pixels along an axis, -1..1 from border to border, to broadcast against ``array``."""
    count = array.shape[axis]
    places = ((np.arange(count) + 0.5) / count * 2 - 1).astype(np.float32)
    return np.expand_dims(places, [other for other in range(array.ndim) if other != axis])


def _centre(energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _mean_over(energy, _axis(energy, 1)), _mean_over(energy, _axis(energy, 2))


def _mean_over(energy: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean of values, each pixel by its energy, (pictures,); NaN where there is none."""
    return _quotient((energy * values).sum(axis=(1, 2)), energy.sum(axis=(1, 2)))


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 1e-6)


def _ring(pixels: np.ndarray) -> np.ndarray:
    """The outer eighth on every side, at least a pixel, bool, (height, width)."""
    height, width = pixels.shape[2:]
    down, right = max(1, round(height / 8)), max(1, round(width / 8))
    ring = np.ones((height, width), dtype=bool)
    ring[down:-down, right:-right] = False
    return ring
