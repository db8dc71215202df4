"""Faithfulness: whether a heat map shows what the network looks at, tested by blanking and by keeping its hottest part.

The hottest fifth of the picture is blanked, and then kept alone with all else blanked, and the network is asked again
(deletion and insertion; Petsiuk et al., RISE, BMVC 2018). A map is faithful where the score falls more, and rises more,
than with a mask of the same shape and size elsewhere: without that comparison the blanking itself, which no training
picture shows, would pass for evidence (Hooker et al., A Benchmark for Interpretability Methods, NeurIPS 2019).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kinwise.examine.cases import Faithfulness
from kinwise.judge.bootstrap import Figure, estimate
from kinwise.learn.heads import level_probabilities
from kinwise.learn.network import Network, evaluating

HOTTEST = 0.2
"""The share of the picture's pixels that is blanked or kept alone."""

RANDOM_MASKS = 4
"""How many masks elsewhere each map's own is compared with."""

RESAMPLES = 1000

MEANS = ("fall", "rise", "random_fall", "random_rise", "fall_beyond_random", "rise_beyond_random")
"""What ``mean_faithfulness`` gives for each target."""

_BATCH = 250  # pictures that the network looks at at once


def faithfulness(
    network: Network,
    pictures: Float[Tensor, "pictures channels height width"],
    maps: Float[np.ndarray, "pictures targets h w"],
    answered: Int[np.ndarray, "pictures levels"],
    true: Int[np.ndarray, "pictures levels"],
    *,
    seed: int,
) -> list[tuple[Faithfulness, ...]]:
    """What the scores do when the hottest ``HOTTEST`` of each picture is blanked, or everything else is.

    A level's score is the probability of its answered node; that of the answered class against the true one is
    p(answered) / (p(answered) + p(true)). All are in [0, 1]. Blanked pixels get the mean colour, which is 0 once
    pictures are normalised. A random mask is the map's own one moved by a random cyclic shift and mirrored at random
    in both directions; each map is compared with the mean over ``RANDOM_MASKS`` of them.

    Args:
        network: the network that the maps explain.
        pictures: normalised, on the network's device.
        maps: as ``maps.heat_maps`` gives them: one target per level, then the answered class against the true one.
        answered: the answered node of each level, its index within the level.
        true: the true node of each level, likewise.
        seed: of the random masks.

    Returns:
        One entry per picture with one per target.
    """
    moves = _draw_moves(maps.shape[:2], pictures.shape[2:], seed)
    parts = []
    with torch.no_grad(), evaluating(network):
        for start in range(0, len(pictures), _BATCH):
            batch = slice(start, start + _BATCH)
            nodes = [torch.from_numpy(array[batch]).to(pictures.device) for array in (answered, true)]
            heat = torch.from_numpy(maps[batch]).to(pictures.device)
            parts.append(_measure(network, pictures[batch], heat, nodes, moves[batch]).cpu().numpy())
    values = np.concatenate(parts) if parts else np.empty((0, 0, 6))
    return [tuple(Faithfulness(**dict(zip(_FIELDS, map(float, one), strict=True))) for one in row) for row in values]


_FIELDS = ("whole", "empty", "blanked", "kept", "random_blanked", "random_kept")


def _draw_moves(maps: Sequence[int], size: Sequence[int], seed: int) -> np.ndarray:
    """For each random mask: by how much it is shifted down and right, and whether it is mirrored in each direction."""
    generator = np.random.default_rng(seed)
    return generator.integers([*size, 2, 2], size=(*maps, RANDOM_MASKS, 4))


def _measure(network: Network, pictures: Tensor, heat: Tensor, nodes: list[Tensor], moves: np.ndarray) -> Tensor:
    """The values of ``_FIELDS``, shape (pictures, targets, 6)."""
    ask = partial(_target_scores, network, nodes=nodes)
    whole, empty = ask(pictures), ask(torch.zeros_like(pictures[:1]))
    masks = hottest(heat, pictures.shape[2:])
    columns = []
    for target in range(heat.shape[1]):
        mask = masks[:, target]
        elsewhere = [_moved(mask, moves[:, target, number]) for number in range(RANDOM_MASKS)]
        blanked, *random_blanked = [ask(pictures * ~one[:, None])[:, target] for one in (mask, *elsewhere)]
        kept, *random_kept = [ask(pictures * one[:, None])[:, target] for one in (mask, *elsewhere)]
        random = [torch.stack(values).mean(dim=0) for values in (random_blanked, random_kept)]
        columns.append(torch.stack([whole[:, target], empty[:, target], blanked, kept, *random], dim=1))
    return torch.stack(columns, dim=1)


def _target_scores(network: Network, pictures: Tensor, nodes: list[Tensor]) -> Tensor:
    """The score of every target, in [0, 1], shape (pictures, targets); one picture stands for any number."""
    answered, true = nodes
    probabilities = [level.expand(len(true), -1) for level in level_probabilities(network(pictures))]
    of_answered = [level.gather(1, answered[:, [place]]) for place, level in enumerate(probabilities)]
    of_true = probabilities[-1].gather(1, true[:, -1:])
    return torch.cat([*of_answered, of_answered[-1] / (of_answered[-1] + of_true)], dim=1)


def hottest(
    maps: Float[Tensor, "pictures targets h w"], size: Sequence[int]
) -> Bool[Tensor, "pictures targets height width"]:
    """Where the hottest ``HOTTEST`` of each picture of ``size`` is, always the same number of pixels.

    The maps are enlarged bilinearly; of equally hot pixels the upper ones are taken first, then those to the left.
    """
    enlarged = F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False).flatten(2)
    order = enlarged.argsort(dim=2, descending=True, stable=True)
    chosen = order[..., : round(HOTTEST * enlarged.shape[2])]
    masks = torch.zeros_like(enlarged, dtype=torch.bool).scatter_(2, chosen, True)
    return masks.unflatten(2, tuple(size))


def _moved(masks: Tensor, moves: np.ndarray) -> Tensor:
    """Each mask, (pictures, height, width), shifted and mirrored as its line of ``moves`` says."""
    count, height, width = masks.shape
    down, right, upside_down, mirrored = torch.from_numpy(moves).to(masks.device)[:, :, None].unbind(1)
    rows = (torch.arange(height, device=masks.device) + down) % height
    columns = (torch.arange(width, device=masks.device) + right) % width
    rows = torch.where(upside_down.bool(), height - 1 - rows, rows)
    columns = torch.where(mirrored.bool(), width - 1 - columns, columns)
    return masks[torch.arange(count, device=masks.device)[:, None, None], rows[:, :, None], columns[:, None, :]]


def mean_faithfulness(values: Sequence[tuple[Faithfulness, ...]], *, seed: int) -> tuple[dict[str, Figure], ...]:
    """Means over many pictures with 95 % bootstrap intervals over pictures: for each target the values of ``MEANS``.

    ``fall_beyond_random`` is the mean of fall - random fall, ``rise_beyond_random`` that of rise - random rise, both
    in [-1, 1]: above 0 the map finds what the answer rests on better than chance, at 0 it does not. One map alone says
    little, as random masks differ much from each other.

    Args:
        values: what ``faithfulness`` gave, at least one picture.
        seed: of the resamples.
    """
    return tuple(_means_of(list(column), seed) for column in zip(*values, strict=True))


def _means_of(values: list[Faithfulness], seed: int) -> dict[str, Figure]:
    columns = {name: np.array([getattr(value, name) for value in values]) for name in MEANS[:4]}
    for name in ("fall", "rise"):
        columns[f"{name}_beyond_random"] = columns[name] - columns[f"random_{name}"]

    def means(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {name: weights @ column / len(values) for name, column in columns.items()}

    found = estimate({"means": means}, len(values), resamples=RESAMPLES, seed=seed)["means"]
    return {name: figure for name, figure in found.items() if figure is not None}


def border_shares(maps: Float[np.ndarray, "pictures targets h w"]) -> Float[np.ndarray, "pictures targets"]:
    """The share of each map's heat in the outer ring that makes up half of the picture's area, float64, 0..1.

    The ring surrounds a rectangle of the picture's form whose sides are sqrt(1/2) as long. A map's cell counts by the
    part of it that lies in the ring, so that an even map has .5 at any size; so does a map without any heat. Much heat
    in the ring means that the network looks at what surrounds the object, where objects stand in the middle.
    """
    inside = np.outer(*map(_inner_parts, maps.shape[2:]))
    heat = maps.astype(np.float64)
    total = heat.sum(axis=(2, 3))
    outer = (heat * (1 - inside)).sum(axis=(2, 3))
    return np.where(total > 0, outer / np.where(total > 0, total, 1), 0.5)


def _inner_parts(cells: int) -> np.ndarray:
    """Which part of each of the ``cells`` along a line lies in the middle sqrt(1/2) of the line."""
    edges = np.linspace(0, 1, cells + 1).clip((1 - np.sqrt(0.5)) / 2, (1 + np.sqrt(0.5)) / 2)
    return np.diff(edges) * cells
