"""Learnt: the training pictures among which similar ones are looked for, and how they become known."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kinwise.data.images import Images, evenly
from kinwise.errors import InputError
from kinwise.examine.alike import MOST_LEARNT
from kinwise.explanation import pictures_of_run
from kinwise.files import WriteError, write_file
from kinwise.run import Run
from kinwise.run_folder import WEIGHTS
from kinwise.serving import schema
from kinwise.show.pictures import picture_uri

FEATURES = "features.safetensors"
"""The file of the run folder that keeps what was found."""

AT_ONCE = 64
"""How many are looked at before somebody's question is answered."""

_VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Learnt:
    """Training pictures, and their features by the network that learnt from them.

    Attributes:
        images: the pictures.
        features: unit vectors, float32, (pictures, features), as ``alike.features`` gives them.
    """

    images: Images
    features: np.ndarray

    def similar(self, place: int, similarity: float) -> schema.Similar:
        """What is told about one of them."""
        images, tree = self.images, self.images.hierarchy
        node = tree.leaves[images.labels[place]] if images.nodes is None else images.nodes[place]
        path = [tree.names[one] for one in tree.ancestors(int(node))[1:]]
        return schema.Similar(
            id=str(images.ids[place]),
            label=path[-1],
            path=path,
            similarity=similarity,
            picture=picture_uri(images.pixels[place]),
        )


class Search:
    """The search for similar pictures: nothing is known at first, then everything, or that nothing can be had."""

    def __init__(self) -> None:
        self.found: Learnt | None = None
        self.progress = schema.Learnt(state="loading", done=0, total=0)

    def run(
        self,
        run: Run,
        look: Callable[[Images], np.ndarray],
        *,
        data_dir: Path | None,
        stop: Event,
        say: Callable[[str], None],
    ) -> None:
        """Load the training pictures and look at them, or take what was found before.

        Args:
            run: whose pictures.
            look: gives the features of some pictures.
            data_dir: where data sets are kept.
            stop: set when nobody wants it any more.
            say: told where the pictures cannot be had.
        """
        try:
            self.found = self._find(run, look, data_dir, stop)
        except InputError as error:
            say(f"No similar training pictures: {error}")
        finally:
            count = len(self.found.images) if self.found else 0
            self.progress = schema.Learnt(state="ready" if count else "missing", done=count, total=count)

    def _find(
        self, run: Run, look: Callable[[Images], np.ndarray], data_dir: Path | None, stop: Event
    ) -> Learnt | None:
        images = evenly(pictures_of_run(run, data_dir=data_dir).train, MOST_LEARNT)
        if not len(images):
            raise InputError(f"{run.folder} has no training pictures")
        features = kept(run)
        if features is None or len(features) != len(images):
            features = self._look(images, look, stop)
            if features is None:
                return None
            with suppress(WriteError):
                keep(run, features)
        return Learnt(images=images, features=features)

    def _look(self, images: Images, look: Callable[[Images], np.ndarray], stop: Event) -> np.ndarray | None:
        """The features of all pictures, some at a time; None where that was stopped."""
        parts = []
        for start in range(0, len(images), AT_ONCE):
            if stop.is_set():
                return None
            self.progress = schema.Learnt(state="looking", done=start, total=len(images))
            parts.append(look(images.take(np.arange(start, min(start + AT_ONCE, len(images))))))
        return np.concatenate(parts)


def kept(run: Run) -> np.ndarray | None:
    """The features that ``keep`` wrote; None where there are none, or of other weights or pictures."""
    try:
        with safe_open(run.folder / FEATURES, framework="numpy") as file:
            if file.metadata() != {"of": _of(run)}:
                return None
            return file.get_tensor("features").astype(np.float32)
    except (SafetensorError, OSError):
        return None


def keep(run: Run, features: np.ndarray) -> None:
    """Write features into the run folder, so that the next start finds them.

    Raises:
        WriteError: when they cannot be written.
    """
    tensors, of = {"features": features.astype(np.float16)}, {"of": _of(run)}
    write_file(run.folder / FEATURES, lambda temporary: save_file(tensors, temporary, metadata=of))


def _of(run: Run) -> str:
    """What features are of: these weights, these pictures, by this version."""
    weights = hashlib.sha256((run.folder / WEIGHTS).read_bytes()).hexdigest()
    return f"version {_VERSION} {MOST_LEARNT} {weights} {run.record.get('pictures')}"
