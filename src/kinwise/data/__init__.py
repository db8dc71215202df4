"""Where pictures come from: ``load`` finds a data set by its name and returns Images."""

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from kinwise.data.images import SPLITS, Images
from kinwise.data.images import split as divide
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.errors import InputError

WITH_NEAR_DUPLICATES = ("together", "apart")

_PICTURE_SUFFIXES = (".csv", ".jpeg", ".jpg", ".png", ".tar", ".tsv", ".zip")


def load(
    name: str,
    *,
    data_dir: Path | None = None,
    split: str = "official",
    seed: int = 0,
    near_duplicates: str = "together",
    say: Callable[[str], None] = lambda _: None,
) -> Images:
    """The data set called ``name``, its pictures divided into train and test.

    Args:
        name: one of ``DATA_SETS``.
        data_dir: where downloaded data sets are kept; ``data_folder`` says what None means.
        split: "official", or "70:30", "80:20", "90:10" to merge all pictures and divide them anew.
        seed: of the new division; the pictures themselves are the same for every seed.
        near_duplicates: "together" keeps every cluster of near-duplicates on one side of a new division, "apart" draws
            every picture by itself, as most published ones do. The official division is what it is.
        say: told what takes longer than a second.

    Raises:
        InputError: for an unknown name, split or treatment of near-duplicates, or when the pictures are damaged or not
            to be had.
    """
    if name not in DATA_SETS:
        raise InputError(_unknown(str(name)))
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    if near_duplicates not in WITH_NEAR_DUPLICATES:
        raise InputError(f"near_duplicates: expected {' or '.join(WITH_NEAR_DUPLICATES)}, got {near_duplicates!r}")
    folder = data_folder(data_dir)
    images = DATA_SETS[name](folder)
    keep = near_duplicates == "together" and split != "official"
    return divide(images, split, seed, duplicates_of(images.pixels, folder, say).clusters if keep else None)


def data_folder(data_dir: Path | None = None) -> Path:
    """Where data sets are kept: ``data_dir``, else $KINWISE_DATA, else ``kinwise`` in the platform's cache folder."""
    if data_dir is not None:
        return Path(data_dir).expanduser()
    if chosen := os.environ.get("KINWISE_DATA"):
        return Path(chosen).expanduser()
    return _cache_folder() / "kinwise"


def _cache_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _cifar100(folder: Path) -> Images:
    from kinwise.data.cifar import cifar100

    return cifar100(folder)


def _shapes(folder: Path) -> Images:  # noqa: ARG001 - drawn, so it needs no folder
    from kinwise.data.shapes import shapes

    return shapes()


DATA_SETS: dict[str, Callable[[Path], Images]] = {"cifar100": _cifar100, "shapes": _shapes}


def _unknown(name: str) -> str:
    known = " and ".join(DATA_SETS)
    path = Path(name)
    if path.exists() or len(path.parts) > 1 or path.suffix.lower() in _PICTURE_SUFFIXES:
        return (
            f"{name!r} is a path, and this version does not read pictures of your own yet; it has the data sets {known}"
        )
    close = difflib.get_close_matches(name.lower().replace("-", ""), DATA_SETS, n=1)
    question = f"; did you mean {close[0]}?" if close else ""
    return f"unknown data set {name!r}; there are {known}{question}"
