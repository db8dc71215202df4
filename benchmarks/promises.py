"""Whether a promise is kept: the share of right answers on pictures that the threshold was not learned from.

    python benchmarks/promises.py RUN... [--halvings 20]

The saved test predictions of each run are divided at random, again and again: on one side the temperature and the
threshold are learned, the other side is judged. Sides of one half, and few pictures to learn from as in small data
sets. The rules climb and hedge, and on the same divisions climb with the lowest threshold at which (wrong + 1) /
(answered + 1) is at most 1 - promise, which is what conformal risk control would ask for. Writes ``promises.json``.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, part, summary, write

from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.climb import Kept, given_and_wrong, kept, kept_on, threshold_for
from kinwise.judge.hedge import hedge, weight_for
from kinwise.judge.predictions import Predictions
from kinwise.run import Run

PROMISES = (0.8, 0.9, 0.95, 0.99)
LEARNED_FROM = (5000, 1000, 250)
TRIED = np.arange(0.001, 1, 0.001)


def climbed(promise: float, learned: Predictions, rest: Predictions) -> Kept:
    """The rule climb."""
    return kept_on(rest, threshold_for(promise, learned.probabilities, learned.labels, learned.hierarchy).value)


def hedged(promise: float, learned: Predictions, rest: Predictions) -> Kept:
    """The rule hedge."""
    tree = rest.hierarchy
    weight = weight_for(promise, learned.probabilities[-1], learned.labels, tree).value
    return kept(hedge(rest.probabilities[-1], tree, weight)[0], rest.labels, tree)


def conformal(promise: float, learned: Predictions, rest: Predictions) -> Kept:
    """Climb with the lowest threshold at which (wrong + 1) / (answered + 1) <= 1 - promise; 1 where there is none."""
    given, wrong = given_and_wrong(TRIED, learned.probabilities, learned.labels, learned.hierarchy)
    passed = (wrong + 1) / (given + 1) <= 1 - promise
    return kept_on(rest, float(TRIED[passed.argmax()]) if passed.any() else 1.0)


RULES: dict[str, Callable[[float, Predictions, Predictions], Kept]] = {
    "climb": climbed,
    "hedge": hedged,
    "conformal risk control": conformal,
}


def judged(found: list[Kept], promise: float) -> dict[str, Any]:
    answered = [one for one in found if one.accuracy]
    if not answered:
        return {"answered nothing": len(found)}
    shares = [one.accuracy[0] for one in answered if one.accuracy]
    return {
        "right": summary(shares) if len(shares) > 1 else shares,
        "lowest": min(shares),
        "answered nothing": len(found) - len(answered),
        "below the promise": sum(share < promise for share in shares),
        "below the promise by more than its interval": sum(
            one.accuracy[2] < promise for one in answered if one.accuracy
        ),
        "specificity": float(np.mean([one.specificity for one in found])),
        "coverage": float(np.mean([one.coverage for one in found])),
        "stops at each level": np.mean([one.levels for one in found], axis=0).tolist(),
    }


def divided(predictions: Predictions, size: int, halvings: int) -> dict[str, Any]:
    """What the rules give on ``halvings`` divisions with ``size`` pictures to learn from; the others are judged."""
    found: dict[str, dict[float, list[Kept]]] = {rule: {promise: [] for promise in PROMISES} for rule in RULES}
    temperatures, seconds = [], []
    for seed in range(halvings):
        order = np.random.default_rng(seed).permutation(len(predictions))
        began = time.perf_counter()
        learned = part(predictions, order[:size])
        temperature = temperature_for(learned.probabilities[-1], learned.labels)
        temperatures.append(temperature)
        learned, rest = calibrate(learned, temperature), calibrate(part(predictions, order[size:]), temperature)
        for rule, choose in RULES.items():
            for promise in PROMISES:
                found[rule][promise].append(choose(promise, learned, rest))
        seconds.append(time.perf_counter() - began)
    return {
        "learned from": size,
        "judged on": len(predictions) - size,
        "temperature": summary(temperatures),
        "seconds of each division": float(np.mean(seconds)),
        **{rule: {str(promise): judged(found[rule][promise], promise) for promise in PROMISES} for rule in RULES},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--halvings", type=int, default=20)
    arguments = parser.parse_args()
    runs = {}
    for path in arguments.runs:
        run = Run(path)
        predictions = run.predictions()
        runs[run.config.recipe] = [divided(predictions, size, arguments.halvings) for size in LEARNED_FROM]
    write("promises", {"machine": machine(), "halvings": arguments.halvings, "runs": runs})


if __name__ == "__main__":
    main()
