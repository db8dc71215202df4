"""quick: a small network and a few epochs; the first thing to try."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="quick",
        widths=(24, 96, 288),
        epochs=6.0,
    ),
    summary="A small network and a few epochs: the first thing to try, and the default.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498; widths and lengths are our own)",
    expected="EXPECTED",
    cost="COST",
)
