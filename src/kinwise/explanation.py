"""An explanation from beginning to end: choose failures of a run, look at them, and write them into its folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from kinwise.data.images import Images, is_of
from kinwise.errors import InputError
from kinwise.examine.explanations import Explanations
from kinwise.examine.look import explanations_of, look_at, looking
from kinwise.examine.maps import DEFAULT, check_method
from kinwise.experiment import held_out, pictures_of, silent
from kinwise.judge.choose import chooser
from kinwise.judge.comparison import Comparison
from kinwise.judge.decide import decide
from kinwise.judge.decision import Temperatures
from kinwise.judge.doubt import label_doubt
from kinwise.judge.failures import choose_failures, failure_of
from kinwise.learn.machine import look_at_machine
from kinwise.run import Run

COUNT = 200
"""How many failures ``explain`` looks at unless told otherwise."""

FOLLOWED = 60
"""How many failures of the baseline a comparison follows."""


def explain(
    run: Run | Path | str,
    *,
    count: int = COUNT,
    method: str = DEFAULT,
    images: Images | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> Explanations:
    """Look at the failures of a run; write failures.json, .csv and .safetensors into its folder, and its report again.

    Args:
        run: a complete run.
        count: how many failures to look at, 1 or more.
        method: how to make heat maps, a key of ``maps.METHODS``.
        images: the pictures it was trained and judged on; without them, those that its config names are loaded.
        data_dir: where data sets are kept.
        say: told how it goes.

    Raises:
        InputError: when the run or its pictures are not there, are not the same any more, or the network made no
            mistake.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    if count < 1:
        raise InputError(f"how many failures to explain must be 1 or more, got {count}")
    check_method(method)
    predictions, validation, decision = run.predictions(), run.validation(), run.config.decision
    if not np.any(decide(predictions, decision, validation=validation).answers[:, -1] != predictions.labels):
        raise InputError(f"{run.folder} made no mistake on its {len(predictions):,} test pictures: nothing to explain")
    pictures = pictures_of_run(run, images, data_dir, say)
    machine = look_at_machine(run.config)
    started = perf_counter()
    found = explanations_of(
        run.network().to(machine.device),
        pictures,
        predictions,
        machine,
        count=count,
        decision=decision,
        validation=validation,
        method=method,
    )
    found.save(run.folder)
    say(f"Explained {len(found.cases):,} failures in {perf_counter() - started:.1f} s")
    run.report()
    return found


def pictures_of_run(
    run: Run, images: Images | None = None, data_dir: Path | None = None, say: Callable[[str], None] = silent
) -> Images:
    """The pictures that ``run`` learnt from and was judged on, in the same parts.

    Raises:
        InputError: when they are not the same any more.
    """
    images, duplicates = pictures_of(run.config, images, data_dir, say)
    if not is_of(run.record, images):
        raise InputError(
            f"{run.folder} was trained and judged on other pictures, or with another tree, than {images.name} has now; "
            f"train anew, or from Python give the same pictures"
        )
    return held_out(run.config, images, duplicates)


def same_failures(
    runs: Sequence[Run],
    comparison: Comparison,
    *,
    method: str = DEFAULT,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> tuple[Explanations, ...]:
    """Look at ``FOLLOWED`` failures of the baseline, chosen as ``explain`` does, with the network of every run.

    Args:
        runs: those that were compared, in the same order.
        comparison: of these runs.
        method: how to make heat maps, a key of ``maps.METHODS``.
        data_dir: where data sets are kept.
        say: told how it goes.

    Returns:
        For each run the same pictures in the same order; where a run has one right its severity is 0. Nothing where
        the baseline made no mistake.

    Raises:
        InputError: when the pictures of the baseline are not there any more, or the runs were compared under another
            tree than they were trained on, or have their pictures in another order.
    """
    predictions = [run.predictions() for run in runs]
    for run, one in zip(runs, predictions, strict=True):
        if one.hierarchy != comparison.hierarchy:
            raise InputError(f"{run.folder} was trained on another tree than the one it is compared under")
        if not np.array_equal(one.ids.astype(str), comparison.ids):
            raise InputError(f"{run.folder} has its pictures in another order than {runs[0].folder}")
    images = pictures_of_run(runs[0], None, data_dir, say)
    test, none = images.test, images.take(np.arange(0))
    doubts = [label_doubt(one.probabilities[-1], one.labels) for one in predictions]
    chosen = choose_failures(predictions[0], comparison.sides[0].answers, doubts[0], FOLLOWED)
    if not chosen:
        return ()
    found = []
    for run, one, side, doubt in zip(runs, predictions, comparison.sides, doubts, strict=True):
        machine = look_at_machine(run.config)
        failures = [failure_of(one, side.answers, doubt, failure.row, failure.reasons) for failure in chosen]
        choose = chooser(comparison.decision, Temperatures(validation=run.validation()), one.hierarchy)
        looked = looking(run.network().to(machine.device), none, machine, choose, method)
        found.append(look_at(looked, test, side.answers, failures))
    return tuple(found)
