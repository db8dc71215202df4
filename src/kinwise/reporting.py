"""The report of a run: what its folder holds, put together on one page."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinwise.examine.explanations import Explanations
from kinwise.files import read_json
from kinwise.judge.metrics import Scores
from kinwise.judge.predictions import Predictions
from kinwise.record import CONFIG, PARTIAL, config_of


def report_of(
    folder: Path,
    *,
    predictions: Predictions,
    scores: Scores,
    history: Sequence[Mapping[str, Any]],
    validation: Predictions | None,
) -> str:
    """The report page of the run in ``folder``, complete or about to be; the arguments as for ``show.report_html``."""
    from kinwise.show.report import report_html

    record = read_json(folder / CONFIG)
    config = config_of(record, folder)
    facts = {
        "recipe": config.recipe,
        "pictures": f"{config.data}, split {config.split}",
        "loss": config.loss,
        "network": f"{config.network} {'/'.join(map(str, config.widths))}".strip(),
        "epochs": f"{config.epochs:g} of batches of {config.batch}",
        "seed": str(config.seed),
        "machine": record.get("machine", "unknown"),
        "versions": ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items()),
        "commit": record.get("commit") or "unknown",
        "started": record.get("started", "unknown"),
    }
    if tried := (scores.training or {}).get("logit_adjustment"):
        facts["logit adjustment"] = _adjustment_text(tried)
    if factors := (scores.training or {}).get("severity_factors"):
        learned = ", ".join(f"{severity}: {factor:.2f}" for severity, factor in enumerate(factors))
        facts["severity factors, learned"] = learned
    name = folder.name.removesuffix(PARTIAL)
    again = ["kinwise", "evaluate", str(folder.with_name(name)), "--decision", "top-down"]
    commands = {
        "Train it again": record.get("command", ""),
        "Judge it by another rule": shlex.join(again),
        "Look at more of its failures": shlex.join(
            ["kinwise", "explain", str(folder.with_name(name)), "--count", "500"]
        ),
    }
    return report_html(
        predictions=predictions,
        scores=scores,
        title=name,
        facts=facts,
        commands=commands,
        history=history,
        explanations=Explanations.load(folder),
        validation=validation,
    )


def _adjustment_text(tried: Sequence[Mapping[str, float]]) -> str:
    """By how much the answers lean towards rare classes, and what it changed on validation pictures."""
    chosen, plain = tried[0], next(one for one in tried if one["strength"] == 0)
    figures = [100 * one[key] for key in ("recall_macro", "accuracy") for one in (plain, chosen)]
    told = "macro recall {:.1f} > {:.1f} %, accuracy {:.1f} > {:.1f} %".format(*figures)
    return f"{chosen['strength']:g}, chosen on validation pictures: {told}"
