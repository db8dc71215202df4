"""dense-trunk-severity: reference system A with graver mistakes counting more.

The report names its penalties minor, moderate and highest; ours are 1, 2 and 3 times the loss of a right answer.
"""

from dataclasses import replace

from kinwise.recipes import Recipe
from kinwise.recipes.dense_trunk import RECIPE as BASELINE

RECIPE = Recipe(
    config=replace(
        BASELINE.config,
        recipe="dense-trunk-severity",
        loss="severity-weighted-levels",
        severity_factors=(1.0, 1.0, 2.0, 3.0),
    ),
    fitted=False,
    summary="Reference system A, its loss scaled by a penalty for graver mistakes.",
    source="report A, severity variant",
    expected="reported on 70:30: class 55.31 %, superclass 55.18, group 58.04",
    cost="905 s per epoch on 2 cores without bfloat16 (AVX2), so 5.0 h at full length",
)
