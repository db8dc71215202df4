"""The figures that ``shapes`` draws: where a figure is, as signed distances, and how the figures are related.

A figure is a function of the coordinates ``u`` (right) and ``v`` (down), arrays of shape (pictures, height, width), and
of two proportions ``a`` and ``b`` in [0, 1], shape (pictures, 1, 1). It returns about how far each point is from the
figure's edge, negative inside. A figure fills roughly the circle of radius 1.
"""

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Figure = Callable[[Array, Array, Array, Array], Array]

# --- parts figures are made of ---------------------------------------------------------------------------------------


def _radius(u: Array, v: Array) -> Array:
    return np.sqrt(u * u + v * v)


def _box(u: Array, v: Array, width: Array | float, height: Array | float) -> Array:
    """A rectangle around the origin, ``width`` and ``height`` being half its sides."""
    return np.maximum(np.abs(u) - width, np.abs(v) - height)


def _turned(u: Array, v: Array, degrees: float) -> tuple[Array, Array]:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return u * cosine + v * sine, v * cosine - u * sine


def _bent_line(u: Array, v: Array, slope: Array | float, thickness: Array | float) -> Array:
    """A line that bends at the origin: v = slope * |u|."""
    return np.abs(v - slope * np.abs(u)) / np.sqrt(1 + slope * slope) - thickness


def _triangle_wave(x: Array) -> Array:
    """Between -1 and 1, period 1."""
    return 4 * np.abs(x - np.floor(x) - 0.5) - 1


# --- solids ------------------------------------------------------------------------------------------------------


def _polygon(corners: int) -> Figure:
    angles = (np.arange(corners) + 0.5) * 2 * np.pi / corners - np.pi / 2
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def figure(u: Array, v: Array, a: Array, _: Array) -> Array:
        edge = normals[0, 0] * u + normals[0, 1] * v
        for right, down in normals[1:]:
            edge = np.maximum(edge, right * u + down * v)
        return edge - np.cos(np.pi / corners) * (1.0 + 0.1 * a)

    return figure


def _disc(u: Array, v: Array, a: Array, _: Array) -> Array:
    return _radius(u, v) - (0.8 + 0.15 * a)


def _ellipse(u: Array, v: Array, a: Array, _: Array) -> Array:
    flatness = 0.5 + 0.15 * a
    return (_radius(u, v / flatness) - 1.05) * flatness


def _half_disc(u: Array, v: Array, a: Array, _: Array) -> Array:
    return np.maximum(_radius(u, v - 0.4) - 1, v - 0.3 - 0.15 * a)


def _crescent(u: Array, v: Array, a: Array, b: Array) -> Array:
    return np.maximum(_radius(u, v) - 1, 0.75 + 0.1 * b - _radius(u - 0.35 - 0.2 * a, v))


def _star(points: int, inner: float) -> Figure:
    half = np.pi / points

    def figure(u: Array, v: Array, a: Array, _: Array) -> Array:
        radius, angle = _radius(u, v), np.arctan2(u, -v)
        off = np.abs(np.mod(angle + half, 2 * half) - half)  # from the nearest point of the star
        valley = inner * (0.85 + 0.3 * a)
        x, y = valley * np.cos(half) - 1, valley * np.sin(half)
        return ((radius * np.cos(off) - 1) * y - radius * np.sin(off) * x) / np.sqrt(x * x + y * y)

    return figure


# --- lines ---------------------------------------------------------------------------------------------------------


def _ring(u: Array, v: Array, a: Array, b: Array) -> Array:
    return np.abs(_radius(u, v) - (0.72 + 0.13 * b)) - (0.12 + 0.08 * a)


def _double_ring(u: Array, v: Array, a: Array, b: Array) -> Array:
    radius = _radius(u, v)
    return np.minimum(np.abs(radius - 0.92), np.abs(radius - 0.35 - 0.12 * b)) - (0.1 + 0.04 * a)


def _open_ring(u: Array, v: Array, a: Array, b: Array) -> Array:
    gap = np.maximum(np.abs(u) - 0.25 - 0.2 * b, v)
    return np.maximum(_ring(u, v, a, b), -gap)


def _wave(u: Array, v: Array, a: Array, b: Array) -> Array:
    crest = (0.35 + 0.15 * a) * np.sin((4.5 + 2 * b) * u)
    return np.maximum(0.75 * np.abs(v - crest) - 0.14, np.abs(u) - 1.15)


def _zigzag(u: Array, v: Array, a: Array, b: Array) -> Array:
    crest = (0.38 + 0.15 * a) * _triangle_wave((0.7 + 0.35 * b) * u)
    return np.maximum(0.65 * np.abs(v - crest) - 0.14, np.abs(u) - 1.15)


def _spiral(u: Array, v: Array, a: Array, _: Array) -> Array:
    radius, pitch = _radius(u, v), 0.5 + 0.12 * a
    arm = np.mod(radius - pitch * np.arctan2(v, u) / (2 * np.pi), pitch) - pitch / 2
    return np.maximum(np.abs(arm) - 0.11, radius - 1.1)


# --- signs ---------------------------------------------------------------------------------------------------------


def _plus(u: Array, v: Array, a: Array, _: Array) -> Array:
    thickness = 0.18 + 0.12 * a
    return np.minimum(_box(u, v, 0.95, thickness), _box(u, v, thickness, 0.95))


def _saltire(u: Array, v: Array, a: Array, b: Array) -> Array:
    return _plus(*_turned(u, v, 45), a, b)


def _latin_cross(u: Array, v: Array, a: Array, b: Array) -> Array:
    thickness = 0.15 + 0.12 * a
    return np.minimum(_box(u, v + 0.3 + 0.15 * b, 0.68, thickness), _box(u, v, thickness, 1.05))


def _arrow_head(u: Array, v: Array, tip: float) -> Array:
    """A triangle that points up and whose tip is at height ``tip``."""
    down = v + tip
    return np.maximum((np.abs(u) - 0.85 * down) / 1.31, down - 0.75)


def _arrow(u: Array, v: Array, a: Array, _: Array) -> Array:
    return np.minimum(_arrow_head(u, v, 1.1), _box(u, v - 0.25, 0.13 + 0.12 * a, 0.8))


def _double_arrow(u: Array, v: Array, a: Array, _: Array) -> Array:
    heads = np.minimum(_arrow_head(u, v, 1.15), _arrow_head(u, -v, 1.15))
    return np.minimum(heads, _box(u, v, 0.13 + 0.12 * a, 0.7))


def _chevron(u: Array, v: Array, a: Array, b: Array) -> Array:
    return np.maximum(_bent_line(u, v + 0.5, 0.7 + 0.5 * b, 0.17 + 0.1 * a), np.abs(u) - 0.95)


def _face(mouth: Figure) -> Figure:
    def figure(u: Array, v: Array, a: Array, b: Array) -> Array:
        eyes = _radius(np.abs(u) - 0.36, (v + 0.3) * 0.8) - (0.13 + 0.06 * a)
        return np.maximum(_radius(u, v) - 1.05, -np.minimum(eyes, mouth(u, v, a, b)))

    return figure


def _smile(u: Array, v: Array, a: Array, b: Array) -> Array:
    return np.maximum(np.abs(_radius(u, v + 0.1) - 0.58) - (0.09 + 0.04 * a), 0.2 - 0.1 * b - v)


def _frown(u: Array, v: Array, a: Array, b: Array) -> Array:
    return np.maximum(np.abs(_radius(u, v - 0.85) - 0.5) - (0.09 + 0.04 * a), v - 0.58 - 0.08 * b)


def _straight_mouth(u: Array, v: Array, a: Array, b: Array) -> Array:
    return _box(u, v - 0.42, 0.35 + 0.15 * b, 0.09 + 0.04 * a)


# --- patterns --------------------------------------------------------------------------------------------------------


def _pattern(inside: Figure) -> Figure:
    """A pattern on a patch between a square and a disc."""

    def figure(u: Array, v: Array, a: Array, b: Array) -> Array:
        patch = np.maximum(_box(u, v, 1.0, 1.0), (0.75 + 0.2 * b) * (_radius(u, v) - 1.1))
        return np.maximum(patch, inside(u, v, a, b))

    return figure


def _stripes(degrees: float) -> Figure:
    def figure(u: Array, v: Array, a: Array, b: Array) -> Array:
        _, across = _turned(u, v, degrees)
        pitch = 0.5 + 0.25 * a
        return pitch / 4 * (_triangle_wave(across / pitch + b) - 0.1)

    return figure


def _diagonal_stripes(u: Array, v: Array, a: Array, b: Array) -> Array:
    """Rising in half of the pictures, falling in the other half."""
    return _stripes(45)(np.where(b < 0.5, u, -u), v, a, b)


def _checks(u: Array, v: Array, a: Array, b: Array) -> Array:
    pitch = 0.8 + 0.4 * a
    right, down = _triangle_wave(u / pitch + b), _triangle_wave(v / pitch + b)
    return pitch / 4 * np.sign(right * down) * np.minimum(np.abs(right), np.abs(down))


def _dots(u: Array, v: Array, a: Array, b: Array) -> Array:
    pitch = 0.8 + 0.3 * a
    return _radius(_triangle_wave(u / pitch + b) * pitch / 4, _triangle_wave(v / pitch + b) * pitch / 4) - 0.13


def _lattice(u: Array, v: Array, a: Array, b: Array) -> Array:
    pitch = 0.6 + 0.2 * a
    lines = np.minimum(1 + _triangle_wave(u / pitch + b), 1 + _triangle_wave(v / pitch + b))
    return lines * pitch / 4 - 0.09


# --- the tree ------------------------------------------------------------------------------------------------------

TREE: dict[str, dict[str, dict[str, Figure]]] = {
    "solids": {
        "polygons": {"triangle": _polygon(3), "square": _polygon(4), "pentagon": _polygon(5), "hexagon": _polygon(6)},
        "rounds": {"disc": _disc, "ellipse": _ellipse, "half_disc": _half_disc, "crescent": _crescent},
        "stars": {
            "four_pointed_star": _star(4, 0.38),
            "five_pointed_star": _star(5, 0.42),
            "six_pointed_star": _star(6, 0.55),
        },
    },
    "lines": {
        "rings": {"ring": _ring, "double_ring": _double_ring, "open_ring": _open_ring},
        "curves": {"wave": _wave, "zigzag": _zigzag, "spiral": _spiral},
    },
    "signs": {
        "crosses": {"plus": _plus, "saltire": _saltire, "latin_cross": _latin_cross},
        "arrows": {"arrow": _arrow, "double_arrow": _double_arrow, "chevron": _chevron},
        "faces": {
            "smiling_face": _face(_smile),
            "frowning_face": _face(_frown),
            "straight_face": _face(_straight_mouth),
        },
    },
    "patterns": {
        "stripes": {
            "horizontal_stripes": _pattern(_stripes(0)),
            "vertical_stripes": _pattern(_stripes(90)),
            "diagonal_stripes": _pattern(_diagonal_stripes),
        },
        "meshes": {"checks": _pattern(_checks), "dots": _pattern(_dots), "lattice": _pattern(_lattice)},
    },
}

UPRIGHT = frozenset({"crosses", "faces", "stripes", "meshes"})
"""The superclasses whose figures lean a little; the others stand at any angle."""
