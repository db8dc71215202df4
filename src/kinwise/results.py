"""What a finished training leaves: predictions, scores, explained failures and a report, in its run folder."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from kinwise import run_folder
from kinwise.data.duplicates import Duplicates
from kinwise.data.images import Images
from kinwise.examine.look import explanations_of
from kinwise.files import write_file, write_json, write_text
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.learn.adjust import adjust
from kinwise.learn.machine import peak_memory_bytes
from kinwise.learn.network import model_facts
from kinwise.learn.tally import tally_of
from kinwise.learn.train import Training
from kinwise.learn.weights import save_network
from kinwise.predict import predictions_on, predictions_on_test
from kinwise.reporting import report_of
from kinwise.run import Run

MOST_LOOKED_AT = 10_000
"""Of the training pictures so many at most, evenly spaced, are looked at again when all is learnt."""


def judge_and_write(
    training: Training, images: Images, duplicates: Duplicates, folder: Path, say: Callable[[str], None]
) -> Run:
    """Judge a finished training on the test pictures, write everything into ``folder``, and give it its own name."""
    adjusted = _adjusted(training, images, say)
    say("Judging the test pictures")
    started = perf_counter()
    predictions = predictions_on_test(training.network, images, images.hierarchy, training.machine)
    say(f"Predicted {len(predictions):,} pictures in {perf_counter() - started:.1f} s")
    test = images.parts == "test"
    predictions = replace(predictions, near_duplicate=duplicates.beside(np.flatnonzero(~test))[test])
    validation = _validation_of(training, images)
    facts = {
        "seconds": training.seconds,
        "epochs": training.history[-1]["epoch"],
        "images_per_second": training.progress().images_per_second,
        "peak_memory_bytes": peak_memory_bytes(training.machine.device),
        "device": str(training.machine),
        "parts": _parts_learnt_from(training, images),
        **adjusted,
        **_learned_factors(training, say),
    }
    config, tree = training.config, images.hierarchy
    scores = score(predictions, decision=config.decision, validation=validation)
    scores = replace(scores, model=model_facts(training.network), training=facts)
    write_json(folder / run_folder.HIERARCHY, tree.to_dict())
    write_history(training, folder)
    write_file(folder / run_folder.WEIGHTS, lambda p: save_network(p, training.network, config, tree))
    write_file(folder / run_folder.PREDICTIONS, predictions.save)
    if validation is not None:
        write_file(folder / run_folder.VALIDATION, validation.save)
    write_json(folder / run_folder.SCORES, scores.to_dict())
    if scores.mistakes:
        _explain(training, images, predictions, validation, scores.mistakes, folder, say)
    if _is_there("plotly", "a report", say):
        page = report_of(
            folder, predictions=predictions, scores=scores, history=training.history, validation=validation
        )
        write_text(folder / run_folder.REPORT, page)
    done = {"seconds": training.seconds, "peak_memory_bytes": facts["peak_memory_bytes"]}
    write_json(folder / run_folder.DONE, done)
    return Run(run_folder.finish_folder(folder))


def _adjusted(training: Training, images: Images, say: Callable[[str], None]) -> dict[str, Any]:
    """Lean the network's answers towards rare classes, where the config wants it, and say by how much."""
    if training.config.logit_adjustment == "none":
        return {}
    tried = adjust(training.network, images, training.machine)
    chosen, plain = tried[0], next(one for one in tried if one.strength == 0)
    say(
        f"Logit adjustment {chosen.strength:g}: on validation pictures macro recall {plain.recall_macro:.1%} > "
        f"{chosen.recall_macro:.1%}, accuracy {plain.accuracy:.1%} > {chosen.accuracy:.1%}"
    )
    return {"logit_adjustment": [asdict(one) for one in tried]}


def _learned_factors(training: Training, say: Callable[[str], None]) -> dict[str, Any]:
    """The severity factors that were learned on validation pictures, where the loss has any, and say them."""
    if not training.tuner:
        return {}
    factors = training.context.severity_factors.tolist()
    listed = ", ".join(f"{severity}: {factor:.2f}" for severity, factor in enumerate(factors))
    say(f"Severity factors learned on validation pictures: {listed}")
    return {"severity_factors": factors}


def _validation_of(training: Training, images: Images) -> Predictions | None:
    """What the network says about the pictures held out, where there are any: answers are calibrated on them."""
    held_out = images.validation
    return predictions_on(training.network, held_out, images.hierarchy, training.machine) if len(held_out) else None


def _explain(
    training: Training,
    images: Images,
    predictions: Predictions,
    validation: Predictions | None,
    failures: int,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Look at as many of the failures as the config says."""
    config = training.config
    if not config.explained or not _is_there("torchcam", "a look at the failures", say):
        return
    started = perf_counter()
    found = explanations_of(
        training.network,
        images,
        predictions,
        training.machine,
        count=config.explained,
        decision=config.decision,
        validation=validation,
    )
    found.save(folder)
    say(f"Explained {len(found.cases):,} of {failures:,} failures in {perf_counter() - started:.1f} s")


def _is_there(package: str, what: str, say: Callable[[str], None]) -> bool:
    """Whether ``package`` is installed; where it is not, the training is kept and somebody is told what is left out."""
    there = find_spec(package) is not None
    if not there:
        say(f"Without {what}: {package} is not installed. Later: pip install {package}, then kinwise explain RUN")
    return there


def _parts_learnt_from(training: Training, images: Images) -> dict[str, dict[str, Any]]:
    """How the trained network does on the training pictures, as they are, and on the validation pictures."""
    found = {}
    for part in ("train", "validation"):
        where = images.where(part)
        where = where[:: -(-len(where) // MOST_LOOKED_AT)] if len(where) else where
        if len(where):
            tally = tally_of(training.network, images.take(where), training.machine, training.loss, training.context)
            found[part] = {"n": len(where), **asdict(tally.figures())}
    return found


def write_history(training: Training, folder: Path) -> None:
    """Write metrics.jsonl, a line for each epoch so far."""
    write_text(folder / run_folder.METRICS, "".join(json.dumps(entry) + "\n" for entry in training.history))
