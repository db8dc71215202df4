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
