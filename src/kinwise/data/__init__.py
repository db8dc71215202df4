"""Where pictures come from: ``load`` finds a data set by its name, or a folder by its path, and returns Images."""

import difflib
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.data.images import split as divide
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.data.options import ReadOptions, options_of
from kinwise.errors import InputError
from kinwise.splits import OFFICIAL, SPLITS
from kinwise.taxonomy import BUILT_IN, SHUFFLED, find

SIDE = 32
"""Height and width of the pictures of ``DATA_SETS``."""

WITH_NEAR_DUPLICATES = ("together", "apart")

_PATH_SUFFIXES = (".csv", ".jpeg", ".jpg", ".png", ".tar", ".tsv", ".zip")


def load(
    name: str | Path,
    *,
    data_dir: Path | None = None,
    split: str = "official",
    seed: int = 0,
    near_duplicates: str = "together",
    hierarchy: str = "",
    size: int = 0,
    fit: str = "squash",
    strict: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Images:
    """The data set called ``name``, or the pictures of a folder or table, divided into train and test.

    Args:
        name: one of ``DATA_SETS``, or the path of a folder or of a table of files (CSV); a folder that is called like
            a data set is written with a slash: ``./shapes``.
        data_dir: where downloaded data sets and decoded pictures are kept; ``data_folder`` says what None means.
        split: "official", or "70:30", "80:20", "90:10" to merge all pictures and divide them anew. Pictures that come
            without a test part are divided 80:20, or as asked for, and their split is called "drawn 80:20" and so on.
        seed: of the new division; the pictures themselves are the same for every seed.
        near_duplicates: "together" keeps every cluster of near-duplicates on one side of a new division, "apart" draws
            every picture by itself, as most published ones do. The official division is what it is.
        hierarchy: another tree over the classes: a built-in one or a file.
        size: of a folder or table: the height and width to decode to, in pixels; 0: chosen from the files.
        fit: of a folder or table: how pictures become square: squash, crop or pad.
        strict: of a folder or table: refuse files that cannot be used; else they are left out.
        say: told what takes longer than a second, and what is worth knowing about a folder or table.

    Raises:
        InputError: for an unknown name, split or treatment of near-duplicates, or a seed outside 0..2147483647; when
            the pictures are damaged or not to be had, or the hierarchy is not over their classes.
    """
    check_division(split, near_duplicates, seed)
    options = ReadOptions(hierarchy=hierarchy, size=size, fit=fit, strict=strict)
    images = read(name, options, data_dir=data_dir, say=say)
    return divided(images, split, seed, near_duplicates, data_folder(data_dir), say)


def read(
    name: str | Path,
    options: ReadOptions,
    *,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Images:
    """``load`` without dividing anything: the parts are those that the pictures come with.

    Raises:
        InputError: as ``load``.
    """
    folder = data_folder(data_dir)
    if is_path(name):
        from kinwise.data.folder import pictures

        return pictures(name, options, cache=folder, say=say)
    if (options.size or SIDE, options.fit) != (SIDE, ReadOptions().fit):
        raise InputError(
            f"{name} has pictures of {SIDE} x {SIDE}; size and fit are for pictures from a folder or a table"
        )
    return under(DATA_SETS[str(name)](folder), options.hierarchy)


def under(images: Images, hierarchy: str) -> Images:
    """``images`` with the tree of that name or in that file; empty: with their own.

    Raises:
        InputError: when there is no such tree, it is not over their classes, or labels stop at nodes of their own.
    """
    if not hierarchy:
        return images
    tree = find(hierarchy).with_class_order(images.hierarchy.classes)
    if images.nodes is not None and tree != images.hierarchy:
        raise InputError(f"{images.name}: labels stop at inner nodes of its own tree, so it can have no other")
    return replace(images, hierarchy=tree)


def read_for(
    config: Config,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    *,
    strict: bool = False,
) -> Images:
    """The pictures that a config names, in the form that it wants, divided as they come.

    Raises:
        InputError: as ``load``.
    """
    return read(config.data, options_of(config, strict=strict), data_dir=data_dir, say=say)


def check_division(split: str, near_duplicates: str, seed: int) -> None:
    """Refuse what ``divided`` does not know or take, before anything is fetched.

    Raises:
        InputError: which names it.
    """
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    if near_duplicates not in WITH_NEAR_DUPLICATES:
        raise InputError(f"near_duplicates: expected {' or '.join(WITH_NEAR_DUPLICATES)}, got {near_duplicates!r}")
    Config(seed=seed)  # refuses a seed out of range


def divided(
    images: Images, split: str, seed: int, near_duplicates: str, folder: Path, say: Callable[[str], None]
) -> Images:
    """``images`` under the split called ``split``; near-duplicates are looked for where it is drawn anew."""
    if near_duplicates == "apart" or (split == OFFICIAL and len(images.where("test"))):
        return divide(images, split, seed)
    return divide(images, split, seed, duplicates_of(images.pixels, folder, say, images.content).clusters)


def is_path(name: str | Path) -> bool:
    """Whether ``name`` is that of a folder or a file, not that of a data set.

    Raises:
        InputError: when it is neither.
    """
    text = str(name)
    if text in DATA_SETS and not isinstance(name, Path):
        return False
    looks_so = any(mark in text for mark in (os.sep, os.altsep or os.sep)) or text in (os.curdir, os.pardir)
    if isinstance(name, Path) or looks_so or os.path.exists(text) or Path(text).suffix.lower() in _PATH_SUFFIXES:
        return True
    raise InputError(_unknown(text))


def whole_name(name: str) -> str:
    """``name`` as it is understood from any folder: that of a file or folder as its absolute path, others as they are.

    For a name that says which data or which hierarchy to take.
    """
    plain = name if os.path.exists(name) else name.removesuffix(SHUFFLED)
    known = plain in DATA_SETS or plain in BUILT_IN or not os.path.exists(plain)
    return name if known else os.path.abspath(plain) + name[len(plain) :]


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
    close = difflib.get_close_matches(name.lower().replace("-", ""), DATA_SETS, n=1)
    question = f"; did you mean {close[0]}?" if close else ", and no folder or file is called so here"
    return f"unknown data set {name!r}; there are {known}{question}"
