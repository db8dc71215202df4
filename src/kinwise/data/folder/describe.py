"""What is in a folder or table of picture files: what ``describe`` says of any data set, and what only files have."""

from collections import Counter
from typing import Any

import numpy as np

from kinwise.data.describe import describe, description_text, nodes_of
from kinwise.data.duplicates import Duplicates
from kinwise.data.folder import Survey
from kinwise.data.images import PARTS, Images
from kinwise.hierarchy import Hierarchy

_MOST_LISTED = 50  # pictures that are left out
_LARGE = 100  # nodes of a tree whose long lists of classes are cut short
_MOST_CLASSES = 12  # of one node of such a tree


def describe_survey(survey: Survey, images: Images, duplicates: Duplicates | None = None) -> dict[str, Any]:
    """Count and check everything in a folder or table; plain lists and numbers, ready for JSON.

    Args:
        survey: what was found there.
        images: its images, divided as they are to be described.
        duplicates: their near-duplicates, where they are to be counted as well.

    Returns:
        What ``describe`` returns, and: "nodes", for each node of the tree, as a walk meets them, its "path" of names,
        how many "pictures" of each part are at it or below, and how many "stop_here"; "sizes", the "smallest", "median"
        and "largest" picture by area with "width" and "height" in its file, and how many are "portrait", "landscape" or
        "square"; "left_out", each "picture" with its "reason"; "others", how many files are no pictures, by suffix;
        "notes", one sentence each. The "tree" has a line per node with its counts.
    """
    facts = describe(images, duplicates)
    nodes = _nodes(images)
    return facts | {
        "nodes": nodes,
        "tree": _tree_lines(images.hierarchy, nodes, facts["pictures"]),
        "sizes": _sizes(survey.sizes, survey.images.ids),
        "left_out": [{"picture": name, "reason": reason} for name, reason in survey.left_out],
        "others": dict(survey.others),
        "notes": list(survey.notes),
    }


def _nodes(images: Images) -> list[dict[str, Any]]:
    tree = images.hierarchy
    stops = nodes_of(images)
    own = {part: np.bincount(stops[images.where(part)], minlength=len(tree.parents)) for part in PARTS}
    below = {part: counts.copy() for part, counts in own.items()}
    for node in range(len(tree.parents) - 1, 0, -1):
        for counts in below.values():
            counts[tree.parents[node]] += counts[node]
    return [
        {
            "path": [tree.names[above] for above in tree.ancestors(node)[1:]],
            "class": bool(tree.heights[node] == 0),
            "pictures": {part: int(counts[node]) for part, counts in below.items()},
            "stop_here": int(sum(counts[node] for counts in own.values())),
        }
        for node in _walk(tree, 0)
    ]


def _walk(tree: Hierarchy, node: int) -> list[int]:
    return [node, *(below for child in tree.children(node) for below in _walk(tree, int(child)))]


def _sizes(sizes: np.ndarray, ids: np.ndarray) -> dict[str, Any]:
    height, width = sizes.T.astype(np.int64)
    order = np.argsort(height * width, kind="stable")

    def one(picture: int) -> dict[str, Any]:
        return {"width": int(width[picture]), "height": int(height[picture]), "picture": str(ids[picture])}

    return {
        "smallest": one(order[0]),
        "median": one(order[len(order) // 2]),
        "largest": one(order[-1]),
        "portrait": int((height > width).sum()),
        "landscape": int((height < width).sum()),
        "square": int((height == width).sum()),
    }


# --- as text -------------------------------------------------------------------------------------------------------


def survey_text(facts: dict[str, Any]) -> str:
    """What ``describe_survey`` found as plain text for a terminal."""
    rows = [("files", _sizes_text(facts["sizes"]))]
    stops = [node for node in facts["nodes"] if node["stop_here"] and not node["class"]]
    if stops:
        shown = ", ".join(f"{node['path'][-1]} ({node['stop_here']:,})" for node in stops)
        rows.append(("inner nodes", f"labels stop at {shown}; these pictures are learnt from as far as that"))
    if facts["others"]:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in facts["others"].items())
        rows.append(("others", f"files that are no pictures: {counts}"))
    notes = [f"note: {note}" for note in facts["notes"]]
    return description_text(facts, rows=rows, blocks=[_left_out_lines(facts["left_out"]), notes])


def _sizes_text(sizes: dict[str, Any]) -> str:
    shown = [f"{sizes[name]['width']:,} x {sizes[name]['height']:,}" for name in ("smallest", "median", "largest")]
    kinds = ("portrait", "landscape", "square")
    total = sum(sizes[kind] for kind in kinds)
    mix = ", ".join(f"{sizes[kind] / total:.0%} {kind}" for kind in kinds if sizes[kind])
    alike = shown[0] if len(set(shown)) == 1 else f"{shown[0]} to {shown[2]}, the median {shown[1]}"
    return f"{alike} (width x height); {mix}"


def _left_out_lines(left_out: list[dict[str, str]]) -> list[str]:
    if not left_out:
        return []
    shown = [f"  {one['picture']}: {one['reason']}" for one in left_out[:_MOST_LISTED]]
    more = len(left_out) - _MOST_LISTED
    ending = [f"  and {more:,} more; --json lists all"] if more > 0 else []
    return [f"left out    {len(left_out):,}", *shown, *ending]


def _tree_lines(tree: Hierarchy, nodes: list[dict[str, Any]], pictures: dict[str, int]) -> list[str]:
    """One line per node: its name and its pictures of each part; a large tree shows some classes of a node only."""
    parts = [part for part in PARTS if pictures[part]]
    of_node = Counter(tuple(node["path"][:-1]) for node in nodes if node["class"])
    seen: Counter[tuple[str, ...]] = Counter()
    rows = [("", parts)]
    for node in nodes:
        above, indent = tuple(node["path"][:-1]), "  " * len(node["path"])
        seen[above] += node["class"]
        if len(nodes) <= _LARGE or not node["class"] or seen[above] <= _MOST_CLASSES:
            name = node["path"][-1] if node["path"] else tree.names[0]
            rows.append((indent + name, [f"{node['pictures'][part]:,}" for part in parts]))
        elif seen[above] == of_node[above]:
            rows.append((f"{indent}and {of_node[above] - _MOST_CLASSES} more", []))
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}{''.join(f'{cell:>12}' for cell in cells)}".rstrip() for name, cells in rows]
