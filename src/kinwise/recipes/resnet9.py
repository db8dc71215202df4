"""resnet9: reference system D, nine layers with two residual pairs.

Not stated in its report, so ours: all of the training but the loss.
"""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="resnet9",
        network="resnet9",
        widths=(),
        loss="flat",
        label_smoothing=0.0,
        epochs=30.0,
        batch=128,
        resolutions=((32, 1.0),),
        optimiser="sgd",
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        decayed="all",
        schedule="one-cycle",
        warmup=0.3,
        freeze=(),
        translate=4,
        flip="random",
        decision="argmax",
    ),
    fitted=False,
    summary="Reference system D: a residual network of nine layers with a one-cycle schedule.",
    source="report D: 30,441,528 parameters, cross-entropy, official split",
    expected="reported: class 74.34 %, macro F1 .742467",
    cost="1266 s per epoch on 2 cores without bfloat16 (AVX2), so 10.5 h at full length",
)
