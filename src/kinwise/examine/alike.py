"""Alike: which training pictures a network finds most similar, by the cosine of its feature vectors."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int

from kinwise.data.augment import normalise
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, evaluating

MOST_LEARNT = 20_000
"""Among so many training pictures at most similar ones are looked for; of more, among the same share of every class."""

_BATCH = 500  # pictures that the network looks at at once
_BLOCK = 2**24  # similarities that are held at once


@torch.no_grad()
def features(network: Network, images: Images, machine: Machine) -> Float[np.ndarray, "pictures features"]:
    """What the heads of ``network`` see of each picture, made unit length: float32, in the order of ``images``.

    A vector of zeros stays one.

    Args:
        network: the network, on the machine's device.
        images: the pictures, looked at in one view, without augmentation.
        machine: where and in what precision the network computes.
    """
    found = np.empty((len(images), network.backbone.features), dtype=np.float32)
    with evaluating(network), machine.autocast():
        for start in range(0, len(images), _BATCH):
            pixels = torch.from_numpy(images.pixels[start : start + _BATCH]).to(machine.device)
            vectors = network.backbone(normalise(pixels, network.statistics)).float()
            found[start : start + _BATCH] = F.normalize(vectors, dim=1).cpu().numpy()
    return found


def nearest(
    queries: Float[np.ndarray, "queries features"], features: Float[np.ndarray, "pictures features"], k: int
) -> tuple[Int[np.ndarray, "queries k"], Float[np.ndarray, "queries k"]]:
    """For each query the indices of the ``k`` most similar pictures, the most similar first, and the similarities.

    The similarity is the cosine, -1..1, higher is more alike; of equally similar pictures the first comes first. Where
    there are fewer than ``k`` pictures, all of them are given. All pairs are compared, block after block, so memory
    does not grow with the number of queries.

    Args:
        queries: unit vectors, as ``features`` gives them.
        features: unit vectors of the pictures to choose among.
        k: how many, 1 or more.

    Raises:
        InputError: when ``k`` is below 1.
    """
    if k < 1:
        raise InputError(f"expected at least 1 similar picture, got k = {k}")
    k = min(k, len(features))
    indices = np.empty((len(queries), k), dtype=np.int64)
    similarities = np.empty((len(queries), k), dtype=np.float32)
    rows = max(1, _BLOCK // max(1, len(features)))
    for start in range(0, len(queries) if k else 0, rows):
        block = slice(start, start + rows)
        indices[block], similarities[block] = _highest(queries[block] @ features.T, k)
    return indices, similarities.clip(-1, 1)


def _highest(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the ``k`` highest values of each row and these values, in descending order, ties by place."""
    lowest = np.partition(values, -k, axis=1)[:, [-k]]
    above, equal = values > lowest, values == lowest
    room = k - above.sum(axis=1, keepdims=True)
    places = np.nonzero(above | (equal & (equal.cumsum(axis=1) <= room)))[1].reshape(len(values), k)
    chosen = np.take_along_axis(values, places, axis=1)
    order = np.argsort(-chosen, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(chosen, order, axis=1)
