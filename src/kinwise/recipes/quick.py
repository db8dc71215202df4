"""quick: a small network and a few epochs; the first thing to try."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="quick",
        widths=(24, 96, 288),
        epochs=6.5,
    ),
    summary="A small network and a few epochs: the first thing to try, and the default.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498; widths and lengths are our own)",
    expected="class 65.9 %, superclass 77.8 %, group 83.5 % (3 seeds, benchmarks/recipes.json)",
    cost="11 minutes on 2 slow cores without bfloat16 (AVX2, 90 GFLOP/s)",
)
