"""weighted-heads: reference system B, a weight per level and early stopping.

Not stated in its report, so ours: two convolutions per block, batch norm after the dense layer, dropout .3, L2 of 1e-4,
a decay of .9 per epoch, 10 % of the training part held out, 5 epochs of patience.
"""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="weighted-heads",
        split="70:30",
        near_duplicates="apart",
        validation=0.1,
        normalisation="unit",
        network="weighted-heads",
        widths=(),
        dropout=0.3,
        loss="levels",
        level_weights=(0.3, 0.3, 0.4),
        label_smoothing=0.0,
        epochs=25.0,
        batch=128,
        resolutions=((32, 1.0),),
        optimiser="adam",
        learning_rate=0.001,
        momentum=0.9,
        weight_decay=1e-4,
        decayed="dense",
        schedule="exponential",
        warmup=0.0,
        learning_rate_decay=0.9,
        early_stopping=5,
        freeze=(),
        translate=0,
        flip="none",
        decision="argmax",
    ),
    fitted=False,
    summary="Reference system B: a weight per level, early stopping by the validation loss.",
    source="report B: cross-entropies times .4, .3, .3; Adam with exponential decay, batch 128, 25 epochs; re-splits",
    expected="reported on 70:30: class 69.22 %, superclass 71.61, group 69.54; on 90:10 62.17, 64.58, 61.78",
    cost="247 s per epoch on 2 cores without bfloat16 (AVX2), so 103 min at full length",
)
