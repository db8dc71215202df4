"""quick: a small network, a few epochs; the first thing to try."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(recipe="quick"),
    summary="A small network and a few epochs: the first thing to try, and the default.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498)",
    expected="to be measured",
    cost="to be measured",
)
