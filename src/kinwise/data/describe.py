"""What is in a data set, and what is wrong with it: counts, imbalance, exact duplicates, the tree."""

import hashlib
from typing import Any

import numpy as np

from kinwise.data.images import PARTS, Images
from kinwise.hierarchy import Hierarchy

_MOST_NAMED = 5
_MOST_LISTED = 12  # children of one node that get a line each
_UNEVEN = 5.0  # an imbalance worth a warning


def describe(images: Images) -> dict[str, Any]:
    """Count and check everything in a data set; plain lists and numbers, ready for JSON.

    Returns:
        name, split, comparable; "pictures" per part; "height", "width", "channels"; "classes"; "levels", the number of
        nodes of each; "per_class", for each part the smallest and the largest class and their ratio, the imbalance
        (1 is even; None where a class has no picture); "classes_without" pictures, by name, for train and test;
        "duplicates", see ``exact_duplicates``; "tree", its lines as text; "warnings", one sentence each.
    """
    hierarchy = images.hierarchy
    parts = [part for part in PARTS if len(images.where(part))]
    counts = {part: np.bincount(images.labels[images.where(part)], minlength=len(hierarchy.classes)) for part in PARTS}
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
    return facts | {"warnings": _warnings(facts)}


def _balance(counts: np.ndarray, hierarchy: Hierarchy) -> dict[str, Any]:
    least, most = int(counts.argmin()), int(counts.argmax())
    return {
        "smallest": {"class": hierarchy.classes[least], "pictures": int(counts[least])},
        "largest": {"class": hierarchy.classes[most], "pictures": int(counts[most])},
        "imbalance": float(counts[most] / counts[least]) if counts[least] else None,
    }


def exact_duplicates(images: Images) -> dict[str, Any]:
    """Find pictures that agree in every byte.

    Returns:
        "copies": pictures beyond the first of their kind, over all parts; "within" each part the same;
        "across": for two parts, written "train/test", how many pictures of the second stand in the first as well;
        "two_labels": how many different pictures carry more than one label, and "examples" of them by their ids.
    """
    kind = _kinds(images.pixels)
    kinds = {part: kind[images.where(part)] for part in PARTS}
    pairs = [(first, second) for i, first in enumerate(PARTS) for second in PARTS[i + 1 :]]
    labelled = np.unique(np.stack([kind, images.labels], axis=1), axis=0)[:, 0]
    torn = np.flatnonzero(np.bincount(labelled, minlength=1) > 1)
    return {
        "copies": _copies(kind),
        "within": {part: _copies(kinds[part]) for part in PARTS},
        "across": {f"{a}/{b}": int(np.isin(kinds[b], kinds[a]).sum()) for a, b in pairs},
        "two_labels": len(torn),
        "examples": [images.ids[kind == one].tolist() for one in torn[:_MOST_NAMED]],
    }


def _kinds(pixels: np.ndarray) -> np.ndarray:
    """A number for each picture, the same for equal pictures only, shape (pictures,)."""
    hashes = b"".join(hashlib.blake2b(picture.tobytes(), digest_size=16).digest() for picture in pixels)
    return np.unique(np.frombuffer(hashes, dtype="V16"), return_inverse=True)[1]


def _copies(kinds: np.ndarray) -> int:
    return len(kinds) - len(np.unique(kinds))


def _warnings(facts: dict[str, Any]) -> list[str]:
    found = [
        f"{len(names)} of {facts['classes']} classes have no {part} pictures: {_some(names)}"
        for part, names in facts["classes_without"].items()
        if names
    ]
    for part, balance in facts["per_class"].items():
        if balance["imbalance"] and balance["imbalance"] >= _UNEVEN:
            found.append(
                f"the {part} part is uneven: the largest class has {balance['imbalance']:.1f} times the smallest"
            )
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


def description_text(facts: dict[str, Any]) -> str:
    """What ``describe`` found as plain text for a terminal: facts, warnings, the tree."""
    table = [f"{label:<12}{value}" for label, value in _table(facts)]
    warnings = [f"warning: {warning}" for warning in facts["warnings"]]
    blocks = [table, warnings, facts["tree"]]
    return "\n\n".join("\n".join(block) for block in blocks if block)


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
    return rows


def _balance_text(balance: dict[str, Any]) -> str:
    least, most = balance["smallest"], balance["largest"]
    if least["pictures"] == most["pictures"]:
        return f"{least['pictures']:,} pictures in every class"
    ratio = f", imbalance {balance['imbalance']:.1f}" if balance["imbalance"] else ""
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
