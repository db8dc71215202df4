"""Asking: pictures in, and everything that the network has to say about each of them out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kinwise.answering.answers import Answerer, Answers
from kinwise.data.augment import normalise
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.examine.alike import features, nearest
from kinwise.examine.maps import heat_maps
from kinwise.hierarchy import Hierarchy
from kinwise.serving.learnt import Learnt
from kinwise.serving.schema import Answer, HeatMap, Similar, Step
from kinwise.serving.uploads import Picture
from kinwise.show.pictures import map_uri, picture_uri

BEST = 3
ROOT = "root"
DIGITS = 4  # of a confidence, as in Answers.to_dict


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted beside the answer.

    Attributes:
        heat_maps: whether to make heat maps.
        similar: how many similar training pictures to look for.
    """

    heat_maps: bool = False
    similar: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Asking:
    """A network that can be asked; by one thread at a time.

    Attributes:
        answerer: holds the network.
    """

    answerer: Answerer

    def answers(self, pictures: Sequence[Picture], wanted: Wanted, learnt: Learnt | None) -> list[Answer]:
        """What the network says about each picture.

        Args:
            pictures: one or more.
            wanted: what is wanted beside the answers.
            learnt: the training pictures, where they are known.
        """
        pixels = np.stack([picture.pixels for picture in pictures])
        answers = self.answerer.answer(pixels)
        maps = self._heat_maps(pixels, answers) if wanted.heat_maps else [None] * len(pictures)
        alike = self._similar(pixels, wanted.similar, learnt) if learnt and wanted.similar else [None] * len(pictures)
        return [self._answer(picture, row, answers, maps[row], alike[row]) for row, picture in enumerate(pictures)]

    def features(self, images: Images) -> np.ndarray:
        """What ``alike.features`` says of these pictures."""
        return features(self.answerer.network, images, self.answerer.machine)

    def _answer(
        self, picture: Picture, row: int, answers: Answers, maps: list[HeatMap] | None, alike: list[Similar] | None
    ) -> Answer:
        told = answers.to_dict(row)
        whole = int(answers.nodes[row]) in answers.hierarchy.leaves
        return Answer(
            name=picture.name,
            width=picture.width,
            height=picture.height,
            **told,
            stops_at=None if whole else told["level"] or ROOT,
            best=[self._best(place, level[row]) for place, level in enumerate(answers.probabilities)],
            heat_maps=maps,
            similar=alike,
            seen=None if maps is None else picture_uri(picture.pixels),
        )

    def _best(self, place: int, probabilities: np.ndarray) -> list[Step]:
        level, names = self.answerer.hierarchy.levels[place], self.answerer.hierarchy.level_names(place)
        order = np.argsort(-probabilities, kind="stable")[:BEST]
        sure = [round(float(one), DIGITS) for one in probabilities[order]]
        return [Step(level=level, name=names[at], confidence=one) for at, one in zip(order, sure, strict=True)]

    def _heat_maps(self, pixels: np.ndarray, answers: Answers) -> list[list[HeatMap] | None]:
        """The maps of each picture, a level after the other; None where this network has none."""
        tree = self.answerer.hierarchy
        nodes = explained_nodes(answers)
        pictures = normalise(
            torch.from_numpy(pixels).to(self.answerer.machine.device), self.answerer.network.statistics
        )
        try:
            heat = heat_maps(self.answerer.network, pictures, nodes, nodes)
        except InputError:
            return [None] * len(pixels)
        tints = np.rint(255 * heat).astype(np.uint8)
        names = [tree.level_names(place) for place in range(len(tree.levels))]
        return [
            [
                HeatMap(level=level, name=names[place][nodes[row, place]], picture=map_uri(tints[row, place]))
                for place, level in enumerate(tree.levels)
            ]
            for row in range(len(pixels))
        ]

    def _similar(self, pixels: np.ndarray, count: int, learnt: Learnt) -> list[list[Similar]]:
        asked = images_of(pixels, self.answerer.hierarchy)
        places, similarities = nearest(self.features(asked), learnt.features, count)
        return [
            [learnt.similar(int(place), float(value)) for place, value in zip(row, values, strict=True)]
            for row, values in zip(places, similarities, strict=True)
        ]


def explained_nodes(answers: Answers) -> np.ndarray:
    """The node of every level that a picture's map explains, its index within the level, int64, (pictures, levels).

    It is the answer's as far as that goes, and the most probable one of the level below.
    """
    tree = answers.hierarchy
    nodes = np.stack([level.argmax(axis=1) for level in answers.probabilities], axis=1)
    for row, node in enumerate(answers.nodes):
        below = int(np.flatnonzero(tree.ancestor_matrix[node])[0])
        known = len(tree.levels) if tree.heights[node] == 0 else int(tree.depths[node])
        nodes[row, :known] = tree.level_labels[below, :known]
    return nodes


def images_of(pixels: np.ndarray, hierarchy: Hierarchy) -> Images:
    """Pictures whose labels nobody knows; they are all 0."""
    count = len(pixels)
    return Images(
        pixels=pixels,
        labels=np.zeros(count, dtype=np.int64),
        ids=np.arange(count).astype(str),
        parts=np.full(count, "test"),
        hierarchy=hierarchy,
        name="asked",
    )
