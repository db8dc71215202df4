"""Recipes: each is complete, says what to expect of it, and can be run as it says."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise import cli
from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.recipes import NAMES, OURS, REFERENCE_SYSTEMS, command_of, recipe, recipes


def test_there_are_three_of_ours_and_nine_reference_systems_and_quick_is_the_default() -> None:
    assert tuple(recipes()) == NAMES == (*OURS, *REFERENCE_SYSTEMS)
    assert (OURS, len(REFERENCE_SYSTEMS)) == (("quick", "standard", "thorough"), 9)
    assert Config().recipe == "quick"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_knows_its_name_and_says_what_to_expect(name: str) -> None:
    found = recipe(name)
    assert found.config.recipe == name
    for text in (found.summary, found.source, found.expected, found.cost):
        assert text.strip()
        assert "\n" not in text, "one line on the terminal"


def test_recipes_differ_in_more_than_their_names() -> None:
    configs = [json.dumps(recipe(name).config.to_dict() | {"recipe": ""}) for name in NAMES]
    assert len(set(configs)) == len(NAMES)
    epochs = [recipe(name).config.epochs for name in OURS]
    assert epochs == sorted(epochs), "from short to long"


@pytest.mark.parametrize(
    ("pictures", "batch", "epochs", "haste", "held_out"),
    [
        (50_000, 256, 6.5, 1.0, 0.02),  # CIFAR-100: as the recipe says
        (8_000, 256, 8.06, 2.0, 0.0625),  # 31 steps per epoch: 250 steps need 8.06 epochs, and are few; 500 held out
        (6_400, 128, 6.5, 2.0, 0.0781),  # 25 steps of 256 are too few per epoch, 50 of 128 are enough: 325 steps
        (1_000, 64, 16.67, 2.0, 0.1),  # no batch below 64: 15 steps per epoch; a tenth is the most that is held out
        (990, 64, 16.67, 2.0, 0.0),  # a tenth would be too few to calibrate on
        (10, 64, 250.0, 2.0, 0.0),  # fewer pictures than a batch: one step per epoch
    ],
)
def test_few_pictures_mean_smaller_batches_more_epochs_and_larger_steps(
    pictures: int, batch: int, epochs: float, haste: float, held_out: float
) -> None:
    fitted = recipe("quick").config_for(pictures)
    rates = {"learning_rate": 0.1 * haste, "other_learning_rate": 0.7 * haste}
    assert fitted == replace(recipe("quick").config, batch=batch, epochs=epochs, validation=held_out, **rates)


@pytest.mark.parametrize("name", NAMES)
def test_json_holds_everything(name: str) -> None:
    plain = json.loads(json.dumps(recipe(name).to_dict()))
    assert set(plain) == {"name", "summary", "source", "expected", "cost", "config"}
    assert plain["name"] == name
    assert Config.from_dict(plain["config"]) == recipe(name).config


@pytest.mark.parametrize("name", OURS)
def test_a_recipe_of_ours_compares_with_published_scores(name: str) -> None:
    """Official split: what ``expected`` says is what a plain command gives."""
    config = recipe(name).config
    assert (config.split, config.seed, config.device, config.decision) == ("official", 0, "auto", "auto")


@pytest.mark.parametrize(("wrong", "meant"), [("quik", "quick"), ("standart", "standard"), ("Thorough", "thorough")])
def test_an_unknown_recipe_is_refused_with_the_closest_name(wrong: str, meant: str) -> None:
    with pytest.raises(InputError, match=rf"^unknown recipe '{wrong}'\. Did you mean {meant}\? There are: quick, "):
        recipe(wrong)


def test_nothing_close_is_refused_without_a_guess() -> None:
    with pytest.raises(
        InputError, match=r"^unknown recipe 'xyz'\. There are: quick, standard, thorough, dense-trunk, "
    ):
        recipe("xyz")


def test_resolutions_are_scaled_to_the_pictures() -> None:
    for side, resolutions in ((32, (21, 32)), (64, (42, 64)), (48, (32, 48)), (20, (16, 20))):
        fitted = recipe("quick").config_for(50_000, side=side)
        assert tuple(size for size, _ in fitted.resolutions) == resolutions


def test_own_pictures_are_partly_held_out_and_seen_more_often() -> None:
    fitted = recipe("quick").config_for(3_000, side=64, own=True)
    assert (fitted.validation, fitted.logit_adjustment) == (0.15, "validation")
    assert fitted.translate == 4  # a sixteenth of the side, as in 32 px
    assert fitted.epochs == 23.83  # 11,000 pictures for each of the recipe's 6.5 epochs
    assert recipe("quick").config_for(500, side=64, own=True).epochs == 60
    assert recipe("quick").config_for(50_000, side=64, own=True).epochs == 6.5
    reference = recipe("double-conv")
    assert reference.config_for(500, own=True) == reference.config
    assert reference.config_for(500, side=64) == replace(reference.config, resolutions=((64, 1.0),), translate=0)


@given(
    epochs=st.floats(min_value=0.01, max_value=100),
    widths=st.tuples(*[st.integers(1, 50).map(lambda n: 8 * n)] * 3),
    loss=st.sampled_from(["flat", "levels"]),
    split=st.sampled_from(["official", "70:30"]),
    name=st.sampled_from(NAMES),
    weights=st.lists(st.floats(0, 10), max_size=4).map(tuple),
)
def test_the_command_of_a_config_gives_that_config_again(
    epochs: float, widths: tuple[int, ...], loss: str, split: str, name: str, weights: tuple[float, ...]
) -> None:
    named = recipe(name)
    config = replace(
        named.config,
        epochs=epochs,
        widths=widths,
        loss=loss,
        split=split,  # type: ignore[arg-type]
        level_weights=weights,
        resolutions=((16, 0.25), (32, 1.0)),
        seed=7,
    )
    words = shlex.split(command_of(config, "runs/with a space"))
    assert words[:2] == ["kinwise", "train"]
    verb = cli.parse(words[1:])
    assert verb.out == Path("runs/with a space")
    given_again = [text for group in verb.set for text in group] + [f"data={verb.data}", f"seed={verb.seed}"]
    for fitted in (named.config, named.config_for(152, side=64), named.config_for(152, side=20, own=True)):
        assert fitted.changed(given_again) == config, "whatever the recipe is fitted to"
