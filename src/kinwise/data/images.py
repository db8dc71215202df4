"""Images: pictures, what they show, and which of them are for training, validation and test."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kinwise.data.rows import Pixels, Rows
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.splits import DRAWN, OFFICIAL, RESPLITS, SPLITS, WITHOUT_PARTS, comparable

PARTS = ("train", "validation", "test")
STOPS_EARLIER = -1
"""The label of a picture whose label stops at an inner node."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Pictures with labels.

    Attributes:
        pixels: uint8, shape (pictures, channels, height, width); in memory, or Rows of a file.
        labels: the class index of each picture within ``hierarchy``, int64, shape (pictures,); -1 for a picture whose
            label stops at an inner node, which may be learnt from but is not judged by.
        ids: a name for each picture that finds it again (a file name, mostly), shape (pictures,).
        parts: "train", "validation" or "test" for each picture, shape (pictures,).
        hierarchy: the tree of the classes.
        name: where the pictures come from, "cifar100" for example.
        split: "official", "70:30" and so on where train and test were merged and split again, or "drawn 80:20" and so
            on where the pictures came without a test part.
        nodes: the node of the tree at which each picture's label stops, int64, shape (pictures,); None where all stop
            at their class.
        content: a name for the content of ``pixels``, where one is known, so that nobody has to read them all.
    """

    pixels: Pixels
    labels: np.ndarray
    ids: np.ndarray
    parts: np.ndarray
    hierarchy: Hierarchy
    name: str
    split: str = OFFICIAL
    nodes: np.ndarray | None = None
    content: str = ""

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        count = len(self.pixels)
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4:
            raise InputError(
                f"pixels must be uint8 of shape (pictures, channels, height, width), "
                f"got {self.pixels.dtype} {self.pixels.shape}"
            )
        for what, array in (("labels", self.labels), ("ids", self.ids), ("parts", self.parts)):
            if array.shape != (count,):
                raise InputError(f"{what} must have one entry per picture ({count}), got shape {array.shape}")
        classes = len(self.hierarchy.classes)
        least = 0 if self.nodes is None else STOPS_EARLIER
        if count and (self.labels.min() < least or self.labels.max() >= classes):
            raise InputError(f"labels must lie in 0..{classes - 1}, got {self.labels.min()}..{self.labels.max()}")
        if self.nodes is not None:
            self._check_nodes(self.nodes)
        strange = sorted(set(np.unique(self.parts)) - set(PARTS))
        if strange:
            raise InputError(f"parts must be among {', '.join(PARTS)}, got {str(strange[0])!r}")

    def _check_nodes(self, nodes: np.ndarray) -> None:
        leaves = self.hierarchy.leaves
        if nodes.shape != self.labels.shape:
            raise InputError(f"nodes must have one entry per picture ({len(self)}), got shape {nodes.shape}")
        if len(nodes) and (nodes.min() < 1 or nodes.max() >= len(self.hierarchy.parents)):
            raise InputError(f"nodes must be below the root of the tree, got {nodes.min()}..{nodes.max()}")
        index = np.full(len(self.hierarchy.parents), STOPS_EARLIER)
        index[leaves] = np.arange(len(leaves))
        wrong = np.flatnonzero(index[nodes] != self.labels)
        if len(wrong):
            raise InputError(f"picture {wrong[0]}: its label and its node of the tree are not the same")
        if np.any((self.labels == STOPS_EARLIER) & (self.parts != "train")):
            raise InputError("pictures whose label stops at an inner node can only be learnt from")

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.labels)

    @property
    def level_labels(self) -> np.ndarray:
        """The index of the true node within each level, int64, (pictures, levels); -1 below where a label stops."""
        tree = self.hierarchy
        if self.nodes is None:
            return tree.level_labels[self.labels]
        return _level_labels_of_nodes(tree)[self.nodes]

    @property
    def comparable(self) -> bool:
        """Whether scores on the test part may stand beside others on the same data; see ``splits.comparable``."""
        return comparable(self.split)

    def where(self, part: str) -> np.ndarray:
        """The indices of the pictures of one part, ascending."""
        if part not in PARTS:
            raise InputError(f"no part {part!r}; there are {', '.join(PARTS)}")
        return np.flatnonzero(self.parts == part)

    def take(self, indices: np.ndarray) -> "Images":
        """The pictures at ``indices``, in that order; without a copy where they stand side by side."""
        chosen: np.ndarray | slice = indices
        if len(indices) and np.array_equal(indices, np.arange(indices[0], indices[0] + len(indices))):
            chosen = slice(int(indices[0]), int(indices[0]) + len(indices))
        return replace(
            self,
            pixels=self.pixels.take(indices) if isinstance(self.pixels, Rows) else self.pixels[chosen],
            labels=self.labels[chosen],
            ids=self.ids[chosen],
            parts=self.parts[chosen],
            nodes=None if self.nodes is None else self.nodes[chosen],
            content="",
        )

    @property
    def train(self) -> "Images":
        """The pictures to learn from."""
        return self.take(self.where("train"))

    @property
    def validation(self) -> "Images":
        """The pictures to choose by; empty until ``hold_out`` set some aside."""
        return self.take(self.where("validation"))

    @property
    def test(self) -> "Images":
        """The pictures to judge by."""
        return self.take(self.where("test"))


def split(images: Images, name: str, seed: int = 0, clusters: np.ndarray | None = None) -> Images:
    """``images``, which have the official split, under the split called ``name``.

    "official" leaves them as they are, where they have a test part; where they have none, it is 80:20. The others merge
    all pictures and draw the test part anew, stratified: of each class the same share, to within one picture. Scores on
    such a split are not comparable with those on the official one; ``comparable`` is False and every output says so.
    Where there was no test part, there is nothing to compare with, and the split is called "drawn 80:20" or alike.
    Pictures whose label stops at an inner node are all learnt from.

    With ``clusters`` all pictures of a cluster go to the same side. A class's share is then never larger, and smaller
    only where the clusters that are left do not fit into what is missing.

    Args:
        images: all pictures.
        name: one of ``SPLITS``.
        seed: of the drawing; the same seed gives the same parts.
        clusters: for every picture the number of its cluster, int64, (pictures,), as ``find_duplicates`` gives them;
            None draws every picture by itself, so that near-duplicates may stand on both sides.

    Raises:
        InputError: for an unknown name, or when the pictures were split again already.
    """
    if name not in SPLITS:
        raise InputError(f"unknown split {name!r}; there are {', '.join(SPLITS)}")
    if images.split != OFFICIAL:
        raise InputError(f"these pictures are split {images.split} already; split those with the official parts")
    has_test = not len(images) or bool(np.any(images.parts == "test"))
    if name == OFFICIAL and has_test:
        return images
    name = WITHOUT_PARTS if name == OFFICIAL else name
    parts = np.full(len(images), "train", dtype=_PART_TYPE)
    parts[_stratified_draw(images.labels, np.flatnonzero(images.labels >= 0), RESPLITS[name], seed, clusters)] = "test"
    return replace(images, parts=parts, split=name if has_test else DRAWN + name)


def hold_out(images: Images, fraction: float, seed: int = 0, clusters: np.ndarray | None = None) -> Images:
    """Move a stratified ``fraction`` of the training part, in [0, 1), into the validation part.

    A class never loses its last training picture, and a picture whose label stops at an inner node stays. With
    ``clusters`` the pictures of a cluster stay together, as in ``split``.

    Raises:
        InputError: when ``fraction`` is outside [0, 1).
    """
    if not 0 <= fraction < 1:
        raise InputError(f"the fraction held out for validation must be in [0, 1), got {fraction}")
    among = np.flatnonzero((images.parts == "train") & (images.labels >= 0))
    drawn = _stratified_draw(images.labels, among, fraction, seed, clusters)
    parts = images.parts.astype(_PART_TYPE)
    parts[drawn] = "validation"
    return replace(images, parts=parts)


def evenly(images: Images, most: int) -> Images:
    """At most ``most`` of the pictures, in their order: of every label the same share, to within one picture."""
    if len(images) <= most:
        return images
    order = np.argsort(images.labels, kind="stable")
    return images.take(np.sort(order[np.linspace(0, len(order) - 1, most).round().astype(np.int64)]))


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """How often to draw each picture so that every class is drawn equally often; float64, (pictures,), sums to 1.

    A picture of class c gets 1 / (present classes * n_c), n_c being the number of pictures of its class.
    """
    counts = np.bincount(labels, minlength=classes)
    return 1.0 / ((counts > 0).sum() * counts[labels])


def _level_labels_of_nodes(tree: Hierarchy) -> np.ndarray:
    """The index within each level of every node's ancestor there, (nodes, levels); -1 below an inner node."""
    found = np.full((len(tree.parents), len(tree.levels)), STOPS_EARLIER)
    found[tree.leaves] = tree.level_labels
    for node in np.setdiff1d(np.arange(1, len(tree.parents)), tree.leaves):
        for level, above in enumerate(tree.ancestors(int(node))[1:]):
            found[node, level] = np.searchsorted(tree.level_nodes[level], above)
    return found


_PART_TYPE = np.dtype(f"U{max(map(len, PARTS))}")


def _stratified_draw(
    labels: np.ndarray, among: np.ndarray, fraction: float, seed: int, clusters: np.ndarray | None = None
) -> np.ndarray:
    """Indices from ``among``: of each class round(fraction * its count), drawn at random, but never all of them.

    The pictures come in a random order, a cluster in the place of its first picture, and each is taken if it fits.
    """
    clusters = np.arange(len(labels)) if clusters is None else clusters
    counts = np.bincount(labels[among])
    room = np.minimum(np.floor(counts * fraction + 0.5).astype(int), counts - 1).tolist()
    together: dict[int, list[int]] = {}
    for picture in among.tolist():
        together.setdefault(int(clusters[picture]), []).append(picture)
    first = {pictures[0]: pictures for pictures in together.values()}
    drawn: list[int] = []
    for picture in np.random.default_rng(seed).permutation(among).tolist():
        if picture not in first:
            continue
        pictures = first[picture]
        wanted = Counter(labels[pictures].tolist())
        if all(count <= room[label] for label, count in wanted.items()):
            drawn += pictures
            for label, count in wanted.items():
                room[label] -= count
    return np.sort(np.array(drawn, dtype=int))


def fingerprint(images: Images) -> str:
    """The SHA-256 of pixels, labels and parts: the same pictures in the same places, or others."""
    digest = hashlib.sha256(images.content.encode())
    pixels = () if images.content else (images.pixels[:],)
    nodes = () if images.nodes is None else (images.nodes,)
    for array in (*pixels, images.labels, *nodes, *(images.where(part) for part in PARTS)):
        digest.update(repr((array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def fingerprints(images: Images) -> dict[str, str]:
    """What a run's record keeps of its pictures, and of their tree, to know both again."""
    tree = json.dumps(images.hierarchy.to_dict()).encode()
    return {"pictures": fingerprint(images), "tree": hashlib.sha256(tree).hexdigest()}


def is_of(record: Mapping[str, Any], images: Images) -> bool:
    """Whether a run's record is of these pictures under this tree; a record that has no tree is of any."""
    found = fingerprints(images)
    return found["pictures"] == record.get("pictures") and found["tree"] == record.get("tree", found["tree"])
