"""standard: half as wide as the speed records; a good network in a coffee break."""

from kinwise.config import Config
from kinwise.recipes import Recipe

RECIPE = Recipe(
    config=Config(
        recipe="standard",
        widths=(32, 128, 384),
        epochs=9.5,
        validation=0.02,
    ),
    summary="A wider network and half as many epochs again: good results in a coffee break.",
    source="ours, after the public CIFAR speed records (Jordan, arXiv 2404.00498; widths and lengths are our own)",
    expected="class 71.8 %, superclass 82.1 %, group 86.8 % (3 seeds, benchmarks/default/)",
    cost="8 to 9 min on 2 cores without bfloat16 (AVX2, 190 GFLOP/s)",
)
