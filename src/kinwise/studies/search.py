"""A search from beginning to end: Optuna draws values, trials are judged on pictures held out, the best are kept."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.experiment import Interrupted, silent
from kinwise.files import write_json, writing
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.studies.fit import by_data, fit, try_out
from kinwise.studies.plan import Planned, Source
from kinwise.studies.space import Draw, Space, read_space
from kinwise.studies.table import aligned
from kinwise.studies.trial import trial

RESULT = "search.json"
DATABASE = "search.db"
SETTINGS, FAILED, FILE = "settings", "failed", "file"  # what is noted beside Optuna's own


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial: its number, "complete", "pruned" or "failed", its objective if complete, and the values drawn."""

    number: int
    state: str
    value: float | None
    settings: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search has found.

    Attributes:
        folder: where search.json is.
        objective: the figure on validation pictures that trials are compared by.
        better: which way it is better.
        trials: all that came to an end, by number.
        best: the best one.
        command: the command line that trains with its values; it holds out what the recipe does.
    """

    folder: Path
    objective: str
    better: str
    trials: tuple[Trial, ...]
    best: Trial
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in search.json."""
        named = {"objective": self.objective, "better": self.better, "judged_on": "validation"}
        trials = [vars(one) for one in self.trials]
        return {**named, "best": vars(self.best), "command": self.command, "trials": trials}

    def text(self) -> str:
        """A table of the trials, the best one, and the command that trains with its values."""
        names = list(self.best.settings)
        lines = [["trial", "state", f"{self.objective} ({self.better} is better)", *names]]
        for one in self.trials:
            shown = "" if one.value is None else f"{one.value:.4f}"
            lines.append([str(one.number), one.state, shown, *(one.settings.get(name, "") for name in names)])
        best = f"Best: trial {self.best.number}, {self.objective} {self.best.value:.4f} on validation pictures"
        return f"{aligned(lines)}\n\n{best}\nTrain with it: {self.command}"


def search(
    source: Source,
    images: Images | None = None,
    *,
    trials: int = 20,
    storage: str = "",
    out: Path | str | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> Search:
    """Look for good values with Optuna's TPE sampler (Bergstra et al., NeurIPS 2011).

    Every trial is judged on pictures held out of the training part, never on test pictures; one whose objective is
    worse than the median of the others after the same epoch is given up. A trial whose loss is not finite, or whose
    values do not fit, counts as failed. Started again with the same storage it goes on, and machines that share one
    search together; trial n draws from the seed of the file plus n.

    Args:
        source: a TOML file, or a mapping of the same shape; ``read_space`` says what stands in it.
        images: pictures with the official split; without them, those that the file names are loaded.
        trials: how many that came to an end there are to be, those of earlier starts and other machines included.
        storage: any URL that Optuna takes; without it, the SQLite file ``search.db`` in the folder.
        out: the folder; without it, ``runs/`` and the name of the file.
        data_dir: where data sets are kept.
        say: called with a line of text for every trial.

    Raises:
        InputError: for anything wrong in the file, without Optuna, or when the storage cannot be had or holds a
            search by another file, or when no trial was complete.
        Interrupted: when Ctrl-C stopped it; the trials before are kept.
    """
    if trials < 1:
        raise InputError(f"trials: expected at least 1, got {trials}")
    space = read_space(source)
    base = Planned(name=space.name, place={}, settings=space.fixed)
    try:
        ((images, _),) = by_data([base], images, data_dir)
        config = fit(base, images)
        try_out(config, images, set())
        draws = space.draws(images.hierarchy)
    except InputError as error:
        raise InputError(f"{space.source}: {error}") from error
    folder = Path(out) if out else Path("runs") / space.name
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    study = _optuna_study(space, storage or f"sqlite:///{(folder / DATABASE).resolve()}")
    try:
        while len(ended(study)) < trials:
            say(_one_trial(study, space, draws, images, data_dir, config.seed))
    except KeyboardInterrupt as stop:
        raise Interrupted(f"Stopped: {len(ended(study))} of {trials} trials came to an end.") from stop
    found = _found(study, space, folder, images.name)
    write_json(folder / RESULT, found.to_dict())
    return found


def _optuna_study(space: Space, storage: str) -> Any:
    """The search in its storage, new or as it was left; Optuna calls it a study."""
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise InputError('kinwise search needs Optuna: pip install "kinwise[search]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place = storage.rpartition("@")[2]  # without the password
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=space.name,
            load_if_exists=True,
            direction="maximize" if space.better == "higher" else "minimize",
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=1),
        )
        told = json.dumps({"set": space.fixed, "search": space.wanted, "objective": space.objective}, sort_keys=True)
        if study.user_attrs.setdefault(FILE, told) != told:
            raise InputError(
                f"{place} holds a search by other values than {space.source} has now; choose another --out"
            )
        study.set_user_attr(FILE, told)
    except (SQLAlchemyError, ImportError) as error:
        raise InputError(f"cannot keep trials in {place}: {str(error).splitlines()[0]}") from error
    return study


def ended(study: Any) -> list[Trial]:
    """The trials of an Optuna study that came to an end of their own, by number; broken off ones do not count."""
    found = []
    for one in study.trials:
        state = FAILED if FAILED in one.user_attrs else one.state.name.lower()
        if state in ("complete", "pruned", FAILED):
            value = one.value if state == "complete" else None
            found.append(Trial(number=one.number, state=state, value=value, settings=one.user_attrs[SETTINGS]))
    return found


def _one_trial(
    study: Any, space: Space, draws: dict[str, Draw], images: Images, data_dir: Path | None, seed: int
) -> str:
    """Draw values, train with them, and note what came of it; returns a line of text on it."""
    import optuna

    asked = study.ask()
    study.sampler = optuna.samplers.TPESampler(seed=seed + asked.number)
    states = optuna.trial.TrialState
    told = f"trial {asked.number}"

    def epoch_done(number: int, answers: Predictions) -> None:
        asked.report(objective_of(space.objective, answers), number)
        if asked.should_prune():
            raise optuna.TrialPruned

    try:
        settings = {key: draw(asked) for key, draw in draws.items()}
        asked.set_user_attr(SETTINGS, settings)
        told = ", ".join([told, *(f"{key}={text}" for key, text in settings.items())])
        config = fit(Planned(name=told, place={}, settings=space.fixed | settings), images)
        value = objective_of(space.objective, trial(config, images, epoch_done, data_dir=data_dir))
    except optuna.TrialPruned:
        study.tell(asked, state=states.PRUNED)
        return f"{told}: given up, worse than the median of the others"
    except InputError as error:
        asked.set_user_attr(FAILED, str(error))
        study.tell(asked, state=states.FAIL)
        return f"{told}: FAILED: {error}"
    except BaseException:
        study.tell(asked, state=states.FAIL)
        raise
    study.tell(asked, value)
    return f"{told}: {space.objective} {value:.4f}"


def objective_of(name: str, answers: Predictions) -> float:
    """The figure called ``name`` of these answers, of level figures the finest level's; 0 where it is undefined."""
    scores = score(answers, resamples=1)  # for the values; the intervals are not used
    figures = {**scores.level[scores.levels[-1]], **scores.hierarchy}
    return float(getattr(figures[name], "value", 0.0))


def _found(study: Any, space: Space, folder: Path, data: str) -> Search:
    trials = ended(study)
    complete = [one for one in trials if one.state == "complete"]
    if not complete:
        reasons = [one.user_attrs[FAILED] for one in study.trials if FAILED in one.user_attrs]
        raise InputError(f"{space.source}: no trial was complete; the last one: {reasons[-1] if reasons else 'pruned'}")
    sign = 1 if space.better == "lower" else -1
    best = min(complete, key=lambda one: sign * (one.value or 0.0))
    return Search(
        folder=folder,
        objective=space.objective,
        better=space.better,
        trials=tuple(trials),
        best=best,
        command=train_command(data, space.fixed | best.settings),
    )


def train_command(data: str, settings: Mapping[str, str]) -> str:
    """The command line that trains on ``data`` with these values.

    Of the training pictures it holds out the recipe's share, not that of the search.
    """
    words = ["kinwise", "train", data, "--recipe", settings.get("recipe", Config().recipe)]
    for key, text in settings.items():
        if key not in ("data", "recipe", "validation"):
            words += ["--set", f"{key}={text}"]
    return shlex.join(words)
