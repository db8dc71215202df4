"""Pictures that a tiny network learns in seconds: four classes in two groups, told apart by colour and stripes."""

import numpy as np
import torch

from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.hierarchy import Hierarchy
from kinwise.learn.machine import Machine

#         root
#        /    \
#     warm    cold
#     /  \    /  \        class 0, 1, 2, 3: the first of each group is plain, the second is striped
TREE = Hierarchy(
    parents=np.array([-1, 0, 0, 1, 1, 2, 2]),
    names=("root", "warm", "cold", "sun", "tiger", "sky", "sea"),
)
CPU = Machine(device=torch.device("cpu"), dtype=torch.float32, reason="for the tests")
CONFIG = Config(
    widths=(8, 8, 8),
    batch=16,
    epochs=2.0,
    resolutions=((16, 0.5), (18, 1.0)),
    learning_rate=0.05,
    other_learning_rate=0.2,
    label_smoothing=0.0,
    translate=1,
)


def easy_images(train: int = 64, others: int = 16, size: int = 18, seed: int = 0) -> Images:
    """``train`` training pictures, then ``others`` validation and as many test pictures, all noisy."""
    draw = np.random.default_rng(seed)
    count = train + 2 * others
    labels = np.arange(count) % 4
    pixels = draw.normal(128, 30, size=(count, 3, size, size))
    pixels[labels < 2, 0] += 60
    pixels[labels >= 2, 2] += 60
    stripes = np.where(np.arange(size) // 2 % 2, 40, -40)
    pixels[labels % 2 == 1] += stripes[:, None]
    return Images(
        pixels=np.clip(pixels, 0, 255).astype(np.uint8),
        labels=labels,
        ids=np.arange(count).astype(str),
        parts=np.repeat(["train", "validation", "test"], [train, others, others]),
        hierarchy=TREE,
        name="easy",
    )
