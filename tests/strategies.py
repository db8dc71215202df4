"""Random trees for property tests, shared by several test files."""

import numpy as np
from hypothesis import strategies as st

from kinwise.hierarchy import Hierarchy

# Endings that a careless reader or writer of files would trip over.
_ENDINGS = st.sampled_from(["", "", "", "", ", x", '; "y"', "\tz", "'s é", " </b>", " > w", "\nline"])


@st.composite
def hierarchies(draw: st.DrawFn, max_nodes: int = 14) -> Hierarchy:
    """Trees of 3 to ``max_nodes`` nodes with different names: flat, deep, ragged, with single-child chains.

    Every kind is drawn, since each node hangs on any node before it; classes and inner nodes mix in the numbering.
    """
    count = draw(st.integers(2, max_nodes - 1))
    parents = [-1, *(draw(st.integers(0, node - 1)) for node in range(1, count))]
    leaves = set(range(count)) - set(parents)
    # A bare chain has one class; a sister for it anywhere above makes two.
    parents.append(draw(st.integers(0, count - 1 if len(leaves) > 1 else count - 2)))
    names = [f"n{node}{draw(_ENDINGS)}" for node in range(count + 1)]
    return Hierarchy(parents=np.array(parents), names=tuple(names))


@st.composite
def regular_hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Trees of 1 to 3 levels; the nodes of a level have equally many children, so all classes are as deep."""
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3).filter(lambda counts: max(counts) > 1))
    parents, level = [-1], [0]
    for count in counts:
        above = [parent for parent in level for _ in range(count)]
        level = list(range(len(parents), len(parents) + len(above)))
        parents += above
    return Hierarchy(parents=np.array(parents), names=tuple(f"n{node}" for node in range(len(parents))))
