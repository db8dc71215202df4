"""Searches: what is drawn, that only validation pictures judge, and that they go on."""

import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import Refused, contents, status, tiny_images

import kinwise
from kinwise import cli, verbs
from kinwise.config import Config
from kinwise.data.images import Images, hold_out
from kinwise.errors import InputError
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MEASURES
from kinwise.studies import search as searching
from kinwise.studies.search import Search, objective_of
from kinwise.studies.space import NO_OBJECTIVES, read_space
from kinwise.studies.trial import trial

pytest_plugins = ["run_fixtures"]
optuna = pytest.importorskip("optuna", reason="no Optuna: pip install kinwise[search]")

TREE = tiny_images().hierarchy
TINY = {"widths": [8, 8, 8], "resolutions": "16:1", "epochs": 2, "batch": 64, "device": "cpu"}
RATE = {"low": 0.01, "high": 1.0, "log": True}
FILE: dict[str, Any] = {"set": TINY, "search": {"learning_rate": RATE, "other_learning_rate": [0.1, 0.7]}}


@dataclass
class Recorder:
    """Draws at random and remembers what it was asked."""

    source: random.Random
    asked: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked[name] = (low, high, log)
        return self.source.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        self.asked[name] = (low, high, log)
        return self.source.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        self.asked[name] = tuple(choices)
        return self.source.choice(choices)


def draw(table: dict[str, Any], seed: int = 0) -> tuple[dict[str, str], dict[str, tuple[object, ...]]]:
    recorder = Recorder(random.Random(seed))
    draws = read_space({"search": table}).draws(TREE)
    return {key: one(recorder) for key, one in draws.items()}, recorder.asked


# --- what is drawn --------------------------------------------------------------------------------------------------


def test_ranges_and_choices_are_asked_for_as_written() -> None:
    drawn, asked = draw({"learning-rate": RATE, "batch": {"low": 32, "high": 64}, "loss": ["flat", "levels"]})
    assert asked == {"learning_rate": (0.01, 1.0, True), "batch": (32, 64, False), "loss": ("flat", "levels")}
    config = Config().changed([f"{key}={text}" for key, text in drawn.items()])
    assert 0.01 <= config.learning_rate <= 1
    assert config.batch in range(32, 65)
    assert config.loss in ("flat", "levels")


def test_every_entry_is_drawn_by_itself_or_stays() -> None:
    drawn, asked = draw({"level_weights": {"low": 0, "high": 1}, "freeze": [{"low": 0.2, "high": 0.4}, 0.5]})
    assert list(asked) == ["level_weights.0", "level_weights.1", "level_weights.2", "freeze.0"]
    config = Config().changed([f"{key}={text}" for key, text in drawn.items()])
    assert len(config.level_weights) == 3
    assert config.freeze[1] == 0.5


@given(st.integers(0, 2**31), st.floats(0, 10), st.floats(0.1, 10))
def test_severity_factors_never_fall(seed: int, low: float, width: float) -> None:
    drawn, _ = draw({"severity_factors": {"low": low, "high": low + width}}, seed)
    factors = Config().changed([f"severity_factors={drawn['severity_factors']}"]).severity_factors
    assert len(factors) == 4, "severities 0 to 3"
    assert list(factors) == sorted(factors)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[set]\nepochs = 3\n", "nothing to look for"),
        ("[serach]\n", r"unknown section 'serach'; did you mean search\?"),
        ("[search]\nobjective = 'acuracy'\nbatch = [1, 2]\n", "unknown objective 'acuracy'"),
        ("[search]\nobjective = 'mistakes'\nbatch = [1, 2]\n", "unknown objective 'mistakes'"),
        (
            "[search]\nobjective = 'calibrated_error'\nbatch = [1, 2]\n",
            "unknown objective 'calibrated_error'; there are",
        ),
        ("[search]\nseed = [0, 1]\n", "seed cannot be looked for"),
        ("[search]\nbatch = [1, 2]\n[set]\nbatch = 3\n", r"batch stands in \[set\] and in \[search\]"),
        ("[search]\nbatch = [1, 2]\n[set]\nvalidation = 0\n", "validation must be above 0.*never on test pictures"),
        ("search = 3\n", r"\[search\]: expected key = range lines, got 3"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "search.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: .*{expected}"):
        read_space(path)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"batsh": {"low": 1, "high": 2}}, "unknown key 'batsh'.*did you mean batch"),
        ({"batch": {"low": 0, "high": 2}}, "batch: expected at least 1, got 0"),
        ({"batch": [64]}, "batch: expected two different choices at least"),
        ({"batch": [64, "64"]}, "batch: expected two different choices at least"),
        ({"batch": ["many", 64]}, "batch: cannot read 'many'"),
        ({"loss": "flat"}, r"loss: expected a list of choices, got 'flat'"),
        ({"learning_rate": {"low": 1}}, "learning_rate: expected a range such as"),
        ({"learning_rate": {"low": 1, "high": 2, "step": 1}}, "learning_rate: expected a range such as"),
        ({"learning_rate": {"low": "a", "high": "b"}}, "learning_rate: expected a range such as"),
        ({"learning_rate": {"low": 2, "high": 1}}, "learning_rate: expected low below high"),
        ({"learning_rate": {"low": 0, "high": 1, "log": True}}, "and above 0 with log = true"),
        ({"freeze": {"low": 0.1, "high": 1}}, "freeze: expected a list with a range or a number for each entry"),
        ({"level_weights": [{"low": -1, "high": 1}]}, "level_weights: expected at least 0"),
        ({"severity_factors": [{"low": 0, "high": 2}, 1]}, "severity_factors: expected upper ends that do not fall"),
    ],
)
def test_a_wrong_range_is_refused(table: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        draw(table)


# --- trials ---------------------------------------------------------------------------------------------------------

CONFIG = Config().changed(["widths=8,8,8", "resolutions=16:1", "epochs=2", "batch=64", "device=cpu", "validation=0.25"])


def test_a_trial_looks_at_no_test_picture() -> None:
    images = tiny_images()
    noise = np.random.default_rng(0).integers(0, 256, images.pixels.shape, dtype=np.uint8)
    is_test = (images.parts == "test")[:, None, None, None]
    seen: list[Predictions] = []
    found = trial(CONFIG, images, lambda _, answers: seen.append(answers))
    other = trial(CONFIG, replace(images, pixels=np.where(is_test, noise, images.pixels)))
    assert list(found.ids) == list(hold_out(images, 0.25, CONFIG.seed).validation.ids)
    assert all(np.array_equal(a, b) for a, b in zip(found.probabilities, other.probabilities, strict=True))
    assert len(seen) == 2
    assert all(np.array_equal(a, b) for a, b in zip(found.probabilities, seen[1].probabilities, strict=True))


def test_a_trial_needs_pictures_held_out() -> None:
    with pytest.raises(InputError, match="validation=0 holds out none"):
        trial(CONFIG.changed(["validation=0"]), tiny_images())


def test_the_objective_is_the_figure_of_the_finest_level_or_of_the_tree() -> None:
    found = trial(CONFIG.changed(["epochs=1"]), tiny_images())
    scores = score(found)
    known = [key for key in MEASURES if key not in NO_OBJECTIVES]
    assert all(np.isfinite(objective_of(name, found)) for name in known), "what can be asked for is there"
    assert objective_of("accuracy", found) == scores.accuracy["class"]
    assert objective_of("negative_log_likelihood", found) == scores.level["class"]["negative_log_likelihood"].value
    assert objective_of("average_severity", found) == scores.average_severity


# --- searches -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """Three true trials; not to be written to."""
    return kinwise.search(FILE, tiny_images(), trials=3, out=tmp_path_factory.mktemp("search"))


def test_the_best_trial_and_the_command_that_trains_with_it(searched: Search) -> None:
    assert [one.number for one in searched.trials] == [0, 1, 2]
    assert searched.best.value == max(one.value or 0 for one in searched.trials)
    verb = cli.parse(searched.command.split()[1:])
    assert isinstance(verb, verbs.Train)
    config = Config().changed([text for group in verb.set for text in group])
    assert config.text_of("learning_rate") == searched.best.settings["learning_rate"]
    assert (verb.data, config.widths, config.validation) == ("shapes", (8, 8, 8), 0), "the end trains on all pictures"
    saved = json.loads((searched.folder / "search.json").read_text("utf-8"))
    assert saved["judged_on"] == "validation"
    assert saved["best"] == vars(searched.best)
    assert searched.text().splitlines()[-1] == f"Train with it: {searched.command}"


def test_a_trial_is_what_its_values_say(searched: Search) -> None:
    settings = [f"{key}={text}" for key, text in searched.best.settings.items()]
    config = CONFIG.changed([*settings, "validation=0.1"])
    assert objective_of("accuracy", trial(config, tiny_images())) == searched.best.value


Measured = Callable[[Config], float]


def pretend(monkeypatch: pytest.MonkeyPatch, value: Measured, epochs: int = 3) -> list[Config]:
    """Trials whose objective is ``value`` after every epoch, without any training; the configs that were tried."""
    tried: list[Config] = []

    def pretended(config: Config, _: Images, epoch_done: Callable[[int, float], None], **_others: object) -> float:
        tried.append(config)
        for epoch in range(1, epochs + 1):
            epoch_done(epoch, value(config))
        return value(config)

    monkeypatch.setattr(searching, "trial", pretended)
    monkeypatch.setattr(searching, "objective_of", lambda _, found: found)
    return tried


def test_a_search_goes_on_up_to_the_number_of_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stops = [False, True, False]

    def value(config: Config) -> float:
        if stops and stops.pop(0):
            raise KeyboardInterrupt
        return config.learning_rate

    tried = pretend(monkeypatch, value, epochs=1)
    with pytest.raises(kinwise.experiment.Interrupted, match="Stopped: 0 of 4 trials came to an end"):
        kinwise.search(FILE, tiny_images(), trials=4, out=tmp_path)
    found = kinwise.search(FILE, tiny_images(), trials=4, out=tmp_path)
    assert [one.number for one in found.trials] == [1, 2, 3, 4], "the one that was broken off does not count"
    count = len(tried)
    again = kinwise.search(FILE, tiny_images(), trials=4, out=tmp_path)
    assert (again, len(tried)) == (found, count)
    other = {**FILE, "set": {**TINY, "epochs": 3}}
    with pytest.raises(InputError, match="holds a search by other values than the study has now"):
        kinwise.search(other, tiny_images(), trials=5, out=tmp_path)


def test_bad_trials_are_given_up_and_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def value(config: Config) -> float:
        seen.append(config.learning_rate)
        if len(set(seen)) == 2:
            raise InputError("the loss is not finite")
        return 9.0 if len(set(seen)) == 8 else 1.0  # severity: the last one is worse than all before

    pretend(monkeypatch, value)
    said: list[str] = []
    plan = {**FILE, "search": {**FILE["search"], "objective": "average_severity"}}
    found = kinwise.search(plan, tiny_images(), trials=8, out=tmp_path, say=said.append)
    states = [one.state for one in found.trials]
    assert states == ["complete", "failed", *["complete"] * 5, "pruned"]
    assert found.best.value == 1
    assert found.better == "lower"
    assert said[1].endswith("FAILED: the loss is not finite")
    assert said[7].endswith("given up, worse than the median of the others")
    assert [one.value for one in found.trials][7] is None


def test_a_search_in_which_everything_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def value(_: Config) -> float:
        raise InputError("the loss is not finite")

    pretend(monkeypatch, value)
    with pytest.raises(InputError, match="no trial was complete; the last one: the loss is not finite"):
        kinwise.search(FILE, tiny_images(), trials=2, out=tmp_path)


# --- the command ----------------------------------------------------------------------------------------------------

LINES = '[set]\ndata = "shapes"\ndevice = "cpu"\n[search]\nlearning_rate = { low = 0.01, high = 0.3, log = true }\n'


@pytest.mark.usefixtures("_tiny_shapes")
def test_the_command_prints_trials_and_how_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, lambda config: config.learning_rate)
    monkeypatch.chdir(tmp_path)
    Path("rates.toml").write_text(LINES)
    assert status("search", "rates.toml", "--trials", "2") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("trial 0, learning_rate=0.")
    assert out[-1].startswith(
        "Train with it: kinwise train shapes --recipe quick --set device=cpu --set learning_rate="
    )
    assert sorted(path.name for path in (tmp_path / "runs" / "rates").iterdir()) == ["search.db", "search.json"]


@pytest.mark.usefixtures("_tiny_shapes")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{here}/nothing.toml", "there is no file {here}/nothing.toml"),
        ("{here}/rates.toml --trials 0", "trials: expected at least 1, got 0"),
        ("{here}/rates.toml --storage nonsense", "cannot keep trials in nonsense: Could not parse"),
        ("{here}/rates.toml --storage sqlite:///{here}/rates.toml", "file is not a database"),
        ("{here}/rates.toml --storage nosuch://me:secret@there/x", "cannot keep trials in there/x: "),
    ],
)
def test_a_wrong_search_is_one_message(options: str, expected: str, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "rates.toml").write_text(LINES)
    before = contents(tmp_path)["rates.toml"]
    told = refused("search", *options.format(here=tmp_path).split(), "--out", tmp_path / "out")
    assert expected.format(here=tmp_path) in told
    assert "secret" not in told
    assert contents(tmp_path)["rates.toml"] == before


@pytest.mark.usefixtures("_tiny_shapes")
def test_a_missing_optuna_is_one_message(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rates.toml").write_text(LINES)
    monkeypatch.setitem(sys.modules, "optuna", None)
    told = refused("search", tmp_path / "rates.toml", "--out", tmp_path / "out")
    assert 'kinwise search needs Optuna: pip install "kinwise[search]"' in told
