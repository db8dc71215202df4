"""weighted-heads-severity: reference system B with graver mistakes counting twice and four times."""

from dataclasses import replace

from kinwise.recipes import Recipe
from kinwise.recipes.weighted_heads import RECIPE as BASELINE

RECIPE = Recipe(
    config=replace(
        BASELINE.config,
        recipe="weighted-heads-severity",
        loss="severity-weighted-levels",
        severity_factors=(1.0, 1.0, 2.0, 4.0),
        epochs=20.0,
    ),
    fitted=False,
    summary="Reference system B, mistakes beyond the superclass counting twice, beyond the group four times.",
    source="report B, severity variant: 20 epochs",
    expected="reported on validation pictures: class 47.48 %, superclass 49.61, group 53.44",
    cost="247 s per epoch on 2 cores without bfloat16 (AVX2), so 82 min at full length",
)
