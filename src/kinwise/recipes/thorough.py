"""thorough: the widest and longest; for results that count."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="thorough",
        widths=(48, 192, 576),
        epochs=12.0,
        freeze=(0.3, 0.6),
    ),
    summary="The widest network and the most epochs: for results that count.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498; widths and lengths are our own)",
    expected="not measured over several seeds yet",
    cost="about 6 times quick",
)
