"""What is in a data set, and what is wrong with it: counts, imbalance, exact duplicates, the tree."""

import csv
import io
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from kinwise.data.duplicates import Duplicates, exact_kinds
from kinwise.data.images import PARTS, Images
from kinwise.hierarchy import Hierarchy

_MOST_NAMED = 5
_MOST_LISTED = 12  # children of one node that get a line each
_UNEVEN = 5.0  # an imbalance worth a warning


def describe(images: Images, duplicates: Duplicates | None = None) -> dict[str, Any]:
    """Count and check everything in a data set; plain lists and numbers, ready for JSON.

    Args:
        images: the data set.
        duplicates: its near-duplicates, where they are to be counted as well.

    Returns:
        name, split, comparable; "pictures" per part; "height", "width", "channels"; "classes"; "levels", the number of
        nodes of each; "per_class", for each part the smallest and the largest class, their ratio, the imbalance
        (1 is even; None where a class has no picture), and "effective", how many equally large classes would be as
        varied: exp(-sum p log p), p being a class's share, 1 to the number of classes; "classes_without" pictures, by
        name, for train and test; "duplicates", see ``exact_duplicates``; "near_duplicates", see ``near_duplicates``,
        where they are given; "tree", its lines as text; "warnings", one sentence each.
    """
    hierarchy = images.hierarchy
    parts = [part for part in PARTS if len(images.where(part))]
    counts = {part: _class_counts(images, part) for part in PARTS}
    facts: dict[str, Any] = {
        "name": images.name,
        "split": images.split,
        "comparable": images.comparable,
        "pictures": {part: len(images.where(part)) for part in PARTS},
        "height": images.pixels.shape[2],
        "width": images.pixels.shape[3],
        "channels": images.pixels.shape[1],
        "classes": len(hierarchy.classes),
        "levels": dict(zip(hierarchy.levels, hierarchy.level_sizes, strict=True)),
        "per_class": {part: _balance(counts[part], hierarchy) for part in parts},
        "classes_without": {
            part: [hierarchy.classes[class_] for class_ in np.flatnonzero(counts[part] == 0)]
            for part in ("train", "test")
        },
        "duplicates": exact_duplicates(images),
        "tree": tree_lines(hierarchy),
    }
    if duplicates is not None:
        facts["near_duplicates"] = near_duplicates(images, duplicates)
    return facts | {"warnings": _warnings(facts)}


def _balance(counts: np.ndarray, hierarchy: Hierarchy) -> dict[str, Any]:
    least, most = int(counts.argmin()), int(counts.argmax())
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return {
        "smallest": {"class": hierarchy.classes[least], "pictures": int(counts[least])},
        "largest": {"class": hierarchy.classes[most], "pictures": int(counts[most])},
        "imbalance": float(counts[most] / counts[least]) if counts[least] else None,
        "effective": float(np.exp(-np.sum(shares * np.log(shares)))),
    }


def _class_counts(images: Images, part: str) -> np.ndarray:
    labels = images.labels[images.where(part)]
    return np.bincount(labels[labels >= 0], minlength=len(images.hierarchy.classes))


def nodes_of(images: Images) -> np.ndarray:
    """The node of the tree at which each picture's label stops, int64, (pictures,)."""
    return images.hierarchy.leaves[images.labels] if images.nodes is None else images.nodes


def _contradict(tree: Hierarchy, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether two labels cannot both be right: neither of the nodes is above the other."""
    common = tree.lowest_common_ancestor(one, other)
    return (common != one) & (common != other)


def exact_duplicates(images: Images) -> dict[str, Any]:
    """Find pictures that agree in every byte.

    Returns:
        "copies": pictures beyond the first of their kind, over all parts; "within" each part the same;
        "across": for two parts, written "train/test", how many pictures of the second stand in the first as well;
        "two_labels": how many different pictures carry labels of which not each is above the other, and "examples" of
        them by their ids.
    """
    kind = exact_kinds(images.pixels)
    kinds = {part: kind[images.where(part)] for part in PARTS}
    torn = _torn(kind, images)
    return {
        "copies": _copies(kind),
        "within": {part: _copies(kinds[part]) for part in PARTS},
        "across": {f"{a}/{b}": int(np.isin(kinds[b], kinds[a]).sum()) for a, b in combinations(PARTS, 2)},
        "two_labels": len(torn),
        "examples": [images.ids[kind == one].tolist() for one in torn[:_MOST_NAMED]],
    }


def _torn(kind: np.ndarray, images: Images) -> np.ndarray:
    """The kinds of pictures whose labels contradict each other, ascending."""
    tree = images.hierarchy
    kinds, nodes = np.unique(np.stack([kind, nodes_of(images)], axis=1), axis=0).T
    order = np.lexsort((tree.depths[nodes], kinds))
    last = np.append(np.diff(kinds[order]) != 0, True)[: len(kinds)]
    deepest = np.zeros(kinds.max(initial=0) + 1, dtype=np.int64)
    deepest[kinds[order][last]] = nodes[order][last]
    return np.unique(kinds[_contradict(tree, deepest[kinds], nodes)])


def near_duplicates(images: Images, duplicates: Duplicates) -> dict[str, Any]:
    """Count the near-duplicates of a data set; exact copies are among them.

    Returns:
        "pairs" of near-duplicates; "within" each part the same, and "across" two parts, written "train/test";
        "test_beside_train", how many test pictures have one in the training part; "clusters" of two pictures or more,
        and "largest", the number of pictures in the largest; "two_labels", how many pairs have labels that contradict
        each other; "examples", the nearest pairs across train and test that are no copies, then the nearest others,
        each with its "pictures" by their ids, their "labels" by name, and the "distance", see ``Duplicates``.
    """
    of_pair = images.parts[duplicates.pairs]
    sizes = np.bincount(duplicates.clusters, minlength=1)
    test = images.where("test")
    return {
        "pairs": len(duplicates.pairs),
        "within": {part: int((of_pair == part).all(axis=1).sum()) for part in PARTS},
        "across": {f"{a}/{b}": int(_between(of_pair, a, b).sum()) for a, b in combinations(PARTS, 2)},
        "test_beside_train": int(duplicates.beside(images.where("train"))[test].sum()),
        "clusters": int((sizes > 1).sum()),
        "largest": int(sizes.max()),
        "two_labels": int(_contradict(images.hierarchy, *nodes_of(images)[duplicates.pairs].T).sum()),
        "examples": _nearest(images, duplicates, _between(of_pair, "train", "test")),
    }


def _between(of_pair: np.ndarray, first: str, second: str) -> np.ndarray:
    """Whether one picture of each pair is in the one part and one in the other."""
    return (of_pair == first).any(axis=1) & (of_pair == second).any(axis=1)


def _nearest(images: Images, duplicates: Duplicates, first: np.ndarray) -> list[dict[str, Any]]:
    """The nearest pairs, those marked as ``first`` before all others and copies last."""
    order = np.lexsort((duplicates.distances, ~first, duplicates.distances == 0))[:_MOST_NAMED]
    return [pair_row(images, duplicates, int(pair)) for pair in order]


def pair_row(images: Images, duplicates: Duplicates, pair: int) -> dict[str, Any]:
    """One pair of near-duplicates: its "pictures" by their ids, their "labels" by name, and its "distance"."""
    both = duplicates.pairs[pair]
    return {
        "pictures": images.ids[both].tolist(),
        "labels": [images.hierarchy.names[node] for node in nodes_of(images)[both]],
        "distance": round(float(duplicates.distances[pair]), 4),
    }


def pairs_csv(images: Images, duplicates: Duplicates) -> str:
    """All pairs as the text of a CSV file with the columns first, second, first_label, second_label, distance."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["first", "second", "first_label", "second_label", "distance"])
    for pair in range(len(duplicates.pairs)):
        row = pair_row(images, duplicates, pair)
        lines.writerow([*row["pictures"], *row["labels"], row["distance"]])
    return text.getvalue()


def _copies(kinds: np.ndarray) -> int:
    return len(kinds) - len(np.unique(kinds))


def _warnings(facts: dict[str, Any]) -> list[str]:
    found = [
        f"{len(names)} of {facts['classes']} classes have no {part} pictures: {_some(names)}"
        for part, names in facts["classes_without"].items()
        if names
    ]
    imbalance = facts["per_class"].get("train", {}).get("imbalance")
    if imbalance and imbalance >= _UNEVEN:
        found.append(f"the train part is uneven: the largest class has {imbalance:.1f} times the smallest")
    duplicates = facts["duplicates"]
    for pair, count in duplicates["across"].items():
        if count:
            first, second = pair.split("/")
            found.append(f"{count} {second} pictures stand in the {first} part as well, byte for byte")
    found += [f"{n} {part} pictures repeat another one, byte for byte" for part, n in duplicates["within"].items() if n]
    if duplicates["two_labels"]:
        examples = "; ".join(" = ".join(ids) for ids in duplicates["examples"])
        found.append(f"{duplicates['two_labels']} pictures carry more than one label, for example {examples}")
    if not facts["comparable"]:
        found.append(f"split {facts['split']}: scores are not comparable with those on the official split")
    return found


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


# --- as text -------------------------------------------------------------------------------------------------------


def description_text(
    facts: dict[str, Any], rows: Sequence[tuple[str, str]] = (), blocks: Sequence[Sequence[str]] = ()
) -> str:
    """What ``describe`` found as plain text for a terminal: facts, warnings, the tree.

    More ``rows`` end the facts, more ``blocks`` of lines follow them.
    """
    table = [f"{label:<12}{value}" for label, value in (*_table(facts), *rows)]
    warnings = [f"warning: {warning}" for warning in facts["warnings"]]
    return "\n\n".join("\n".join(block) for block in (table, *blocks, warnings, facts["tree"]) if block)


def _table(facts: dict[str, Any]) -> list[tuple[str, str]]:
    colour = {1: "grey", 3: "colour"}.get(facts["channels"], f"{facts['channels']} channels")
    counts = ", ".join(f"{count:,} {part}" for part, count in facts["pictures"].items() if count)
    levels = " > ".join(f"{name} ({size})" for name, size in facts["levels"].items())
    rows = [
        ("data", facts["name"]),
        ("split", facts["split"]),
        ("pictures", f"{counts or 'none'}; {facts['height']} x {facts['width']}, {colour}"),
        ("levels", levels),
    ]
    for part, balance in facts["per_class"].items():
        rows.append((part, _balance_text(balance)))
    across = sum(facts["duplicates"]["across"].values())
    rows.append(("duplicates", f"{facts['duplicates']['copies']:,} exact copies, {across:,} of them across parts"))
    if "near_duplicates" in facts:
        rows += _near_duplicate_rows(facts["near_duplicates"], facts["pictures"]["test"])
    return rows


def _near_duplicate_rows(near: dict[str, Any], test: int) -> list[tuple[str, str]]:
    within = [f"{count:,} within {part}" for part, count in near["within"].items() if count]
    across = [f"{count:,} across {pair.replace('/', ' and ')}" for pair, count in near["across"].items() if count]
    where = f": {', '.join(within + across)}" if near["pairs"] else ""
    share = f" ({100 * near['test_beside_train'] / test:.1f} %)" if test else ""
    rows = [
        ("near", f"{near['pairs']:,} pairs of near-duplicates{where}"),
        ("", f"{near['test_beside_train']:,} test pictures{share} have one in the training part"),
        ("", f"{near['clusters']:,} clusters, the largest of {near['largest']:,} pictures"),
        ("", f"{near['two_labels']:,} pairs have two different labels"),
    ]
    return rows + [("", _example_text(example)) for example in near["examples"]]


def _example_text(example: dict[str, Any]) -> str:
    pictures = (f"{name} ({label})" for name, label in zip(example["pictures"], example["labels"], strict=True))
    return f"{' = '.join(pictures)}, distance {example['distance']:.2f}"


def _balance_text(balance: dict[str, Any]) -> str:
    least, most = balance["smallest"], balance["largest"]
    if least["pictures"] == most["pictures"]:
        return f"{least['pictures']:,} pictures in every class"
    ratio = ""
    if balance["imbalance"]:
        ratio = f", imbalance {balance['imbalance']:.1f}, as varied as {balance['effective']:.1f} even classes"
    return f"{least['pictures']:,} ({least['class']}) to {most['pictures']:,} ({most['class']}) pictures{ratio}"


def tree_lines(hierarchy: Hierarchy) -> list[str]:
    """The tree, one indented line per inner node; classes stand on their parent's line, long lists cut short."""
    return _branch(hierarchy, 0, 0)


def _branch(hierarchy: Hierarchy, node: int, depth: int) -> list[str]:
    children = hierarchy.children(node)
    classes = [hierarchy.names[child] for child in children if hierarchy.heights[child] == 0]
    inner = [int(child) for child in children if hierarchy.heights[child] > 0]
    listed = ", ".join(classes[:_MOST_LISTED])
    if len(classes) > _MOST_LISTED:
        listed += f" and {len(classes) - _MOST_LISTED} more"
    line = "  " * depth + hierarchy.names[node] + (f": {listed}" if classes else "")
    return [line, *(below for child in inner for below in _branch(hierarchy, child, depth + 1))]
