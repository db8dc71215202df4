"""The gallery: the failures of one run, each with its picture, its heat maps and everything measured about it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinwise.errors import InputError
from kinwise.examine.album import album_of
from kinwise.examine.cases import Case, HeatMap
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.failures import REASONS, Failure
from kinwise.show import gallery_words as words
from kinwise.show.pictures import LARGEST_LOSSLESS, map_uri, picture_uri, webp_uri
from kinwise.show.tallies import display, severity_names


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """A heat map over a picture: its image, what it is of, in words, and what blanking its hottest fifth does."""

    uri: str
    name: str
    text: str
    faithfulness: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A picture in the album, by its column and row there: its id, its label, whose label that is, how alike it is."""

    column: int
    row: int
    id: str
    label: str
    like: str
    similarity: str


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What may have happened, in a few words and in a sentence."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the page says about one failure; ``nodes`` are those of its true path, from the coarsest level down.

    ``picture`` and what follows are empty where nothing but the predictions is known.
    """

    failure: Failure
    title: str
    nodes: tuple[int, ...]
    why: str
    duplicate: str
    picture: str = ""
    maps: tuple[Overlay, ...] = ()
    hints: tuple[Hint, ...] = ()
    tiles: tuple[Tile, ...] = ()
    nearest: str = ""
    stability: str = ""
    copies: tuple[list[str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A node of the tree that has failures: its depth, its name, how many."""

    node: int
    depth: int
    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Album:
    """Small pictures in one image, so many columns and rows of them; without columns there are none."""

    uri: str = ""
    columns: int = 0
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """All cards, and what to choose from: maps by their targets, branches, severities and reasons with their counts.

    ``targets`` are in the order of each card's maps; ``shown`` is the one that is shown first.
    """

    cards: tuple[Card, ...]
    targets: tuple[str, ...]
    shown: int
    pixelated: bool
    branches: tuple[Branch, ...]
    severities: tuple[tuple[int, str, int], ...]
    reasons: tuple[tuple[str, str, int], ...]
    album: Album
    common: list[list[str]]
    explained: bool


def gallery_of(
    tree: Hierarchy, explanations: Explanations | None = None, failures: Sequence[Failure] = ()
) -> Gallery | None:
    """What the gallery of a report shows; None where there is neither an explanation nor a failure.

    Args:
        tree: the classes that the failures are of.
        explanations: failures with pictures; where there are some, ``failures`` are left alone.
        failures: failures of which no more is known than the predictions say.

    Raises:
        InputError: when a failure is of a class that the tree has not.
    """
    if explanations is not None and explanations.cases:
        cards, album = _explained(tree, explanations)
        maps = explanations.cases[0].maps
    else:
        cards, album, maps = [_card(tree, failure) for failure in failures], Album(), ()
    if not cards:
        return None
    names = severity_names(tree)
    found = Counter(card.failure.severity for card in cards)
    why = Counter(reason for card in cards for reason in card.failure.reasons)
    targets, shown = target_names(maps, tree.levels)
    return Gallery(
        cards=tuple(cards),
        targets=targets,
        shown=shown,
        pixelated=explanations is not None and max(explanations.pictures.shape[2:]) <= LARGEST_LOSSLESS,
        branches=_branches(tree, cards),
        severities=tuple((severity, display(names[severity]), found[severity]) for severity in sorted(found)),
        reasons=tuple((key, REASONS[key], why[key]) for key in REASONS if why[key]),
        album=album,
        common=words.trait_rows(explanations.common) if explanations else [],
        explained=bool(explanations and explanations.cases),
    )


def target_names(maps: Sequence[HeatMap], levels: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """What the maps of a picture are of, in their order, and which of them is that of the answered class."""
    names = [
        display(one.target) if one.target in levels else f"{display(levels[-1])} against the true one" for one in maps
    ]
    last = [index for index, one in enumerate(maps) if one.target == levels[-1]]
    return tuple(names), last[0] if last else 0


def overlays(case: Case, maps: np.ndarray) -> tuple[Overlay, ...]:
    """The heat maps of a case; ``maps`` are its own, uint8, shape (targets, height, width)."""
    found = []
    for one, heat in zip(case.maps, maps, strict=True):
        name = words.map_name(one, case.failure)
        faithful = words.faithfulness(one.faithfulness, name)
        found.append(Overlay(uri=map_uri(heat), name=name, text=words.map_text(one, name), faithfulness=faithful))
    return tuple(found)


def _explained(tree: Hierarchy, explanations: Explanations) -> tuple[list[Card], Album]:
    album, places = _album(explanations.neighbours)
    cards = []
    for index, case in enumerate(explanations.cases):
        hints = tuple(Hint(title=words.hypothesis(one), text=words.told(one)) for one in case.hypotheses)
        cards.append(
            replace(
                _card(tree, case.failure),
                picture=picture_uri(explanations.pictures[index]),
                maps=overlays(case, explanations.maps[index]),
                hints=hints,
                tiles=_tiles(case, places[index], album),
                nearest=words.nearest(case.neighbours, case.failure),
                stability=words.stability(case),
                copies=tuple(words.copy_rows(case.copies, case.failure)),
            )
        )
    return cards, album


def _tiles(case: Case, places: Sequence[int], album: Album) -> tuple[Tile, ...]:
    """The most similar training pictures by their places in the album."""
    last = case.failure.path[-1]
    like = {last.true: "truth", last.answered: "answer"}
    return tuple(
        Tile(
            column=place % album.columns,
            row=place // album.columns,
            id=one.id,
            label=one.label,
            like=like.get(one.label, ""),
            similarity=f"{one.similarity:.2f}",
        )
        for one, place in zip(case.neighbours, places, strict=True)
    )


def _card(tree: Hierarchy, failure: Failure) -> Card:
    """A card without a picture."""
    name = failure.path[-1].true
    if name not in tree.class_index:
        raise InputError(
            f"a failure is of the class {name!r}, which these predictions have not; explain them again with "
            "kinwise explain"
        )
    return Card(
        failure=failure,
        title=words.taken_for(failure),
        nodes=tuple(dict.fromkeys(tree.paths[tree.class_index[name]].tolist())),
        why="; ".join(REASONS[reason] for reason in failure.reasons),
        duplicate=words.near_duplicate(failure),
    )


def _album(neighbours: np.ndarray) -> tuple[Album, list[list[int]]]:
    """Every neighbour once in one image, and for each case the places of its neighbours in there."""
    places: dict[bytes, int] = {}
    found = [[places.setdefault(one.tobytes(), len(places)) for one in pictures] for pictures in neighbours]
    if not places:
        return Album(), found
    pixels = np.stack([np.frombuffer(one, np.uint8).reshape(neighbours.shape[2:]) for one in places])
    album = album_of(pixels, np.arange(len(pixels)))
    rows = -(-len(pixels) // album.columns)
    return Album(uri=webp_uri(album.webp), columns=album.columns, rows=rows), found


def _branches(tree: Hierarchy, cards: Sequence[Card]) -> tuple[Branch, ...]:
    """Every node that has failures under it, in the order of a walk down the tree."""
    counts = Counter(node for card in cards for node in card.nodes)
    walk = dict.fromkeys(node for class_ in tree.tree_order for node in tree.paths[class_].tolist())
    return tuple(
        Branch(node=node, depth=int(tree.depths[node]) - 1, name=display(tree.names[node]), count=counts[node])
        for node in walk
        if counts[node]
    )
