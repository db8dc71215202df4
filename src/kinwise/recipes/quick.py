"""quick: a small network and a few epochs; the first thing to try."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="quick",
        widths=(24, 96, 288),
        epochs=6.5,
        validation=0.02,
    ),
    summary="A small network and a few epochs: the first thing to try, and the default.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498; widths and lengths are our own)",
    expected="class 67.1 %, superclass 78.6 %, group 84.2 % (10 seeds, benchmarks/ten_seeds)",
    cost="3 min 42 s on 2 cores without bfloat16 (AVX2, 190 GFLOP/s)",
)
