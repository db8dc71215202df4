"""smoothed-cnn: reference system E, eleven convolutions and label smoothing, no augmentation.

Not stated in its report, so ours: a rate of .05, momentum .9, weight decay of 5e-4, a smoothing of .1.
"""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="smoothed-cnn",
        validation=0.2,
        network="smoothed-cnn",
        widths=(),
        dropout=0.2,
        loss="flat",
        label_smoothing=0.1,
        epochs=50.0,
        batch=128,
        resolutions=((32, 1.0),),
        optimiser="sgd",
        learning_rate=0.05,
        momentum=0.9,
        weight_decay=5e-4,
        decayed="all",
        schedule="cosine",
        warmup=0.0,
        freeze=(),
        translate=0,
        flip="none",
        decision="argmax",
    ),
    fitted=False,
    summary="Reference system E: label smoothing and a cosine schedule; the baseline of a study of failures.",
    source="report E: 10,462,756 parameters, .645 GFLOPs, SGD with momentum, batch 128, 50 epochs, 20 % held out",
    expected="reported: class 62.91 %",
    cost="481 s per epoch on 2 cores without bfloat16 (AVX2), so 6.7 h at full length",
)
