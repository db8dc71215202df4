"""A folder or a table of picture files: what is in it, how it is decoded once, and the Images that come of it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinwise.data.folder.decode import FITS
from kinwise.data.folder.listing import Listing, list_pictures
from kinwise.data.folder.names import printable
from kinwise.data.folder.progress import decoding_progress
from kinwise.data.folder.tree import Placed, tree_of
from kinwise.data.images import STOPS_EARLIER, Images
from kinwise.data.options import ReadOptions
from kinwise.data.rows import Rows
from kinwise.errors import InputError

_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """Images from files, and what was met on the way.

    Attributes:
        images: the pictures that can be used.
        sizes: height and width of each of them in its file, in pixels, int32, (pictures, 2).
        left_out: the others, by their ids, each with the reason.
        others: how many files of the folder are no pictures, by suffix; hidden ones too.
        notes: what is worth knowing about how all this was read, a sentence each.
    """

    images: Images
    sizes: np.ndarray
    left_out: tuple[tuple[str, str], ...]
    others: Mapping[str, int]
    notes: tuple[str, ...]


def pictures(
    path: Path | str, options: ReadOptions, *, cache: Path, say: Callable[[str], None] = lambda _: None
) -> Images:
    """The pictures of a folder or table; what is left out or worth knowing is said. Arguments as for ``survey``.

    Raises:
        InputError: see ``survey``.
    """
    found = survey(path, options, cache=cache, say=say)
    for note in found.notes:
        say(f"Note: {note}")
    if found.left_out:
        total = len(found.left_out) + len(found.images)
        say(f"{_left_out_text(found.left_out, total)}; kinwise data {found.images.name} lists all")
    return found.images


def survey(
    path: Path | str, options: ReadOptions, *, cache: Path, say: Callable[[str], None] = lambda _: None
) -> Survey:
    """Look through a folder or table, decode every picture (once: later calls take it from the cache), place it.

    Args:
        path: a folder, or a table of files; see ``list_pictures``.
        options: how to read them; for the hierarchy see ``tree_of``.
        cache: the data folder; decoded pictures are kept in a folder there.
        say: told what takes longer than a second.

    Raises:
        InputError: when there is nothing to read there, no tree to be had, or, where it is strict, something amiss.
    """
    from kinwise.data.folder.cache import kept_pixels, side_for

    if options.fit not in FITS:
        raise InputError(f"unknown fit {options.fit!r}; there are {', '.join(FITS)}")
    whole = Path(os.path.abspath(os.path.expanduser(path)))
    if printable(str(whole)) != str(whole):
        raise InputError(f"the name of {printable(str(whole))} cannot be written down; rename it, its files may stay")
    named = list_pictures(whole)
    first = tree_of(named, options.hierarchy)
    listed = _usable(named, first)
    side = options.size or side_for(listed.files)
    with decoding_progress(say) as progress:
        kept = kept_pixels(listed.files, folder=cache, side=side, fit=options.fit, say=say, progress=progress)
    readable = kept.rows >= 0
    found = listed.where(readable, kept.reasons)
    if options.strict and found.skipped:
        raise InputError(_left_out_text(found.skipped, len(found) + len(found.skipped)))
    if not len(found):
        raise InputError(f"no picture can be used: {_left_out_text(found.skipped, len(found.skipped))}")
    placed = tree_of(found, options.hierarchy)
    images = _images(found, placed, Rows(kept.store, kept.rows[readable]), kept.content)
    gone = [name for name in first.hierarchy.classes if name not in placed.hierarchy.class_index]
    notes = [f"not in the tree, as no picture of them can be used: {', '.join(gone)}"] if gone else []
    return Survey(
        images=images,
        sizes=kept.sizes[readable],
        left_out=found.skipped,
        others=named.others,
        notes=(*named.notes, *placed.notes, *notes),
    )


def _usable(listing: Listing, placed: Placed) -> Listing:
    """The listing without pictures to judge by whose label stops at an inner node: such can only be learnt from."""
    judged = np.array([part in ("validation", "test") for part in listing.parts])
    wrong = judged & (placed.hierarchy.heights[placed.nodes] > 0)
    names = placed.hierarchy.names
    reasons = {
        row: f"its label stops at {names[placed.nodes[row]]}; a picture of the {listing.parts[row]} part needs a class"
        for row in np.flatnonzero(wrong).tolist()
    }
    return listing.where(~wrong, reasons)


def _images(listing: Listing, placed: Placed, pixels: Rows, content: str) -> Images:
    tree = placed.hierarchy
    classes = np.full(len(tree.parents), STOPS_EARLIER)
    classes[tree.leaves] = np.arange(len(tree.leaves))
    labels = classes[placed.nodes]
    return Images(
        pixels=pixels,
        labels=labels,
        ids=np.array(listing.ids),
        parts=np.array([part or "train" for part in listing.parts], dtype="U10"),
        hierarchy=tree,
        name=str(listing.path),
        nodes=placed.nodes if np.any(labels == STOPS_EARLIER) else None,
        content=content,
    )


def _left_out_text(left_out: tuple[tuple[str, str], ...], total: int) -> str:
    shown = ", ".join(f"{name} ({reason})" for name, reason in left_out[:_MOST_NAMED])
    more = f" and {len(left_out) - _MOST_NAMED:,} more" if len(left_out) > _MOST_NAMED else ""
    verb = "is" if len(left_out) == 1 else "are"
    return f"{len(left_out):,} of {total:,} pictures {verb} left out: {shown}{more}"
