"""What the script of a report knows of every picture: small arrays, so that it can count anew for any part of them."""

import base64
import json
import zlib
from typing import Any

import numpy as np

from kinwise.examine.album import Album
from kinwise.judge.predictions import Predictions
from kinwise.show.tallies import display, severity_names

FULL = 65535
"""What a probability of 1 is written as."""


def picture_data(predictions: Predictions, answers: np.ndarray) -> dict[str, Any]:
    """The tree, and for every picture its true class, its answers and how sure they were; ready for JSON.

    ``answers`` is int64, shape (pictures, levels). Answers that follow from that at the last level are left out, and so
    is the confidence of the class answer where it is that of the most likely class. Of each level's most likely node
    there is its probability, and in ``best_right``, one bit per picture, whether it is the true one.
    """
    tree = predictions.hierarchy
    truth = tree.level_labels[predictions.labels]
    follows = tree.level_labels[answers[:, -1]]
    right = np.stack([p.argmax(axis=1) == truth[:, i] for i, p in enumerate(predictions.probabilities)], axis=1)
    best = [_share(p.max(axis=1)) for p in predictions.probabilities]
    sure = _share(predictions.probabilities[-1][np.arange(len(answers)), answers[:, -1]])
    return {
        "tree": {
            "parents": tree.parents.tolist(),
            "names": ["all classes", *(display(name) for name in tree.names[1:])],
            "levels": [display(name) for name in tree.levels],
            "severities": [display(name) for name in severity_names(tree)],
        },
        "labels": _packed(predictions.labels),
        "answers": [
            None if level < len(tree.levels) - 1 and np.array_equal(given, implied) else _packed(given)
            for level, (given, implied) in enumerate(zip(answers.T, follows.T, strict=True))
        ],
        "confidence": [_packed(level) for level in best],
        "best_right": [_packed(np.packbits(level, bitorder="little")) for level in right.T],
        "sure": None if np.array_equal(sure, best[-1]) else _packed(sure),
        "ids": _ids(predictions.ids),
    }


def album_data(album: Album) -> dict[str, Any]:
    """The album of an explanation, ready for JSON."""
    return {
        "rows": _packed(np.array(album.rows, dtype=np.int64)),
        "side": album.side,
        "columns": album.columns,
        "webp": base64.b64encode(album.webp).decode("ascii"),
    }


def _share(probabilities: np.ndarray) -> np.ndarray:
    return np.rint(probabilities.astype(np.float64).clip(0, 1) * FULL).astype(np.int64)


def _packed(values: np.ndarray) -> dict[str, str]:
    """Whole numbers >= 0 in the smallest type that holds them, little-endian, as base64."""
    bits = next(bits for bits in (8, 16, 32) if int(values.max(initial=0)) < 2**bits)
    array = np.ascontiguousarray(values.astype(f"<u{bits // 8}"))
    return {"type": f"Uint{bits}Array", "data": base64.b64encode(array.tobytes()).decode("ascii")}


def _ids(ids: np.ndarray) -> str | None:
    """The names of the pictures, JSON made small by deflate, as base64; None where they are only counted."""
    names = [str(name) for name in ids]
    if names == [str(row) for row in range(len(names))]:
        return None
    return base64.b64encode(zlib.compress(json.dumps(names).encode("utf-8"), 9)).decode("ascii")
