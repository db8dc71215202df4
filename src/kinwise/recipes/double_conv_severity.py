"""double-conv-severity: reference system C with one head and the loss times the severity of the mistake."""

from dataclasses import replace

from kinwise.recipes import Recipe
from kinwise.recipes.double_conv import RECIPE as BASELINE

RECIPE = Recipe(
    config=replace(
        BASELINE.config,
        recipe="double-conv-severity",
        loss="severity-weighted",
        severity_factors=(0.0, 1.0, 2.0, 3.0),
        level_weights=(),
    ),
    fitted=False,
    summary="Reference system C with the class head alone, the loss times the severity of the mistake.",
    source="report C, severity variant: 5,918,628 parameters",
    expected="reported on 70:30: class 56.71 %, average severity 1.2389",
    cost="232 s per epoch on 2 cores without bfloat16 (AVX2), so 3.2 h at full length",
)
