"""dense-trunk: reference system A, one network with three heads on a heavy dense trunk.

Not stated in its report, so ours: batch 128, dropout .5.
"""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="dense-trunk",
        split="70:30",
        near_duplicates="apart",
        sampler="balanced",
        network="dense-trunk",
        widths=(),
        dropout=0.5,
        loss="levels",
        level_weights=(1.0, 1.0, 1.0),
        label_smoothing=0.0,
        epochs=20.0,
        batch=128,
        resolutions=((32, 1.0),),
        optimiser="adam",
        learning_rate=0.001,
        momentum=0.9,
        weight_decay=0.0,
        schedule="constant",
        warmup=0.0,
        freeze=(),
        translate=0,
        flip="none",
        decision="argmax",
    ),
    fitted=False,
    summary="Reference system A: three heads on a dense trunk, the classes drawn equally often.",
    source="report A: 13,488,001 parameters, sum of three cross-entropies, Adam .001, 20 epochs, re-splits",
    expected="reported on 70:30: class 52.06 %, superclass 52.55, group 54.95",
    cost="947 s per epoch on 2 cores without bfloat16 (AVX2), so 5.3 h at full length",
)
