"""Study files: what they expand to, and what is wrong with them before anything is trained."""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import tiny_images

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.recipes import recipe
from kinwise.studies.fit import fitted
from kinwise.studies.plan import read_plan
from kinwise.studies.space import read_space

DOCS = Path(__file__).parents[1] / "docs"


# --- what a file expands to -----------------------------------------------------------------------------------------


def test_every_combination_is_a_run_and_the_last_axis_changes_fastest(tmp_path: Path) -> None:
    path = tmp_path / "losses.toml"
    path.write_text('[axes]\nsplit = ["official", "70:30"]\nloss = ["flat"]\nseed = [0, 1]\n[set]\nepochs = 3\n')
    plan = read_plan(path)
    assert (plan.name, plan.source, plan.axes) == ("losses", str(path), ("split", "loss", "seed"))
    assert [run.name for run in plan.runs] == [
        "split=official,loss=flat,seed=0",
        "split=official,loss=flat,seed=1",
        "split=70-30,loss=flat,seed=0",
        "split=70-30,loss=flat,seed=1",
    ]
    assert plan.runs[2].place == {"split": "70:30", "loss": "flat", "seed": "0"}
    assert plan.runs[2].changes == ("epochs=3.0", "split=70:30", "loss=flat", "seed=0")


def test_values_may_be_written_as_toml_or_as_set_takes_them() -> None:
    as_toml = {"widths": [[8, 8, 8]], "epochs": 3, "freeze": [[]], "resolutions": [[[16, 0.5], [20, 1]]]}
    as_text = {"widths": "8,8,8", "epochs": "3", "freeze": "", "resolutions": "16:0.5,20:1"}
    assert read_plan({"axes": as_toml}).runs == read_plan({"axes": as_text}).runs
    fixed = {"widths": [8, 8, 8], "epochs": 3.0, "freeze": [], "resolutions": [[16, 0.5], [20, 1.0]]}
    assert read_plan({"set": fixed}).fixed == read_plan({"set": as_text}).fixed


def test_one_value_is_fine_everywhere_and_dashes_are_too() -> None:
    (run,) = read_plan({"axes": {"seed": 3, "learning-rate": 0.1}}).runs
    assert run.name == "seed=3,learning_rate=0.1"
    (alone,) = read_plan({}).runs
    (partial,) = read_plan({"variants": [{"name": "a.partial"}]}).runs
    assert partial.name.startswith("variant=a.partial-")
    assert (alone.name, alone.place, alone.settings) == ("run", {}, {})


def test_variants_set_several_keys_at_once() -> None:
    variants = [{"name": "slow", "learning_rate": 0.1, "loss": "flat"}, {"name": "as ever"}]
    plan = read_plan({"axes": {"seed": [0, 1]}, "variants": variants})
    assert plan.axes == ("seed", "variant")
    assert [run.place["variant"] for run in plan.runs] == ["slow", "as ever"] * 2
    assert plan.runs[0].settings == {"seed": "0", "learning_rate": "0.1", "loss": "flat"}
    assert plan.runs[1].settings == {"seed": "0"}


@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=8, unique=True))
def test_names_of_folders_are_safe_and_differ(names: list[str]) -> None:
    plan = read_plan({"variants": [{"name": name, "seed": place} for place, name in enumerate(names)]})
    folders = [run.name for run in plan.runs]
    assert len(set(folders)) == len(names)
    assert all(len(folder) <= 120 and re.fullmatch(r"[\w.,=+-]+", folder) for folder in folders)
    assert not any(folder.endswith((".", ".partial")) for folder in folders)


def test_configs_are_those_of_train_with_the_same_recipe_and_values() -> None:
    images = tiny_images()
    plan = read_plan({"axes": {"recipe": ["quick", "standard"], "split": ["official", "70:30"]}, "set": {"batch": 32}})
    configs = fitted(plan.runs, images)
    for (name, split), run in zip(product(("quick", "standard"), ("official", "70:30")), plan.runs, strict=True):
        pictures = {"official": 256, "70:30": 384 - round(12 * 0.3) * 32}[split]
        expected = recipe(name).config_for(pictures).changed([f"split={split}", "batch=32", "explained=0"])
        assert configs[run.name] == expected, "256 pictures are few: the recipe is fitted to them"
    assert configs[plan.runs[0].name].epochs > Config().epochs


# --- what may be wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[axes]\nseed = = 0\n", r"is no TOML: .*line 2"),
        ("[axis]\nseed = [0]\n", r"unknown section 'axis'; did you mean axes\?"),
        ("[axes]\nepoch = [1]\n", "unknown key 'epoch'; did you mean epochs"),
        ("[axes]\nseed = []\n", "axis seed is empty"),
        ("[axes]\nseed = [0, 1, 0]\n", "axis seed: 0 stands there twice"),
        ("[axes]\nepochs = [3, 3.0]\n", "axis epochs: 3.0 stands there twice"),
        ("[axes]\nseed = [0]\n[set]\nseed = 1\n", r"seed stands in \[set\] and in axis seed; it can have one place"),
        ("[set]\nlearning_rate = 1\nlearning-rate = 2\n", r"\[set\]: learning_rate stands there twice"),
        ("[axes]\nbatch = [true]\n", "batch: expected a whole number, got True"),
        ("[axes]\nsplit = ['60:40']\n", "split: expected one of official, 70:30, 80:20, 90:10, got '60:40'"),
        ("[axes]\nwidths = [8, 8, 8]\n", "widths: expected numbers separated by commas, got 8"),
        ("[axes]\nrecipe = ['quik']\n", "unknown recipe 'quik'. Did you mean quick?"),
        ("[set]\nvalidation = 1\n", r"validation: expected \[0, 1\), got 1"),
        ("[set]\nseed = {a = 1}\n", "seed: expected a whole number, got {'a': 1}"),
        ("axes = 3\n", r"\[axes\]: expected key = \[value, ...\] lines, got 3"),
        ("set = 3\n", r"\[set\]: expected key = value lines, got 3"),
        ("variants = 3\n", r"variants: expected \[\[variants\]\] tables"),
        ("[[variants]]\nseed = 1\n", "variants: every one needs a name"),
        ("[[variants]]\nname = 'a'\n[[variants]]\nname = 'a'\n", "variants: a stands there twice"),
        ("[[variants]]\nname = 'a'\n[[variants]]\nname = 'b'\n", "the runs variant=a and variant=b are the same"),
        ("[[variants]]\nname = 'a'\nsed = 1\n", "unknown key 'sed'"),
        ("[axes]\nloss = ['flat']\n[[variants]]\nname = 'a'\n[[variants]]\nname = 'b'\nloss = 'levels'\n", "one place"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"(?s)^{re.escape(str(path))}.*{expected}") as refused:
        read_plan(path)
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\xff")
    for path, expected in (("nothing.toml", "there is no file"), (".", "cannot read"), ("picture.toml", "no text")):
        with pytest.raises(InputError, match=expected):
            read_plan(tmp_path / path)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"loss": "flatt"}, "unknown loss 'flatt'"),
        ({"network": "resnet"}, "unknown network 'resnet'"),
        ({"level_weights": [1, 2]}, "level_weights: expected 3, one for each of group, superclass, class"),
        ({"data": "cifar100"}, "expected data = 'shapes', as the pictures given are called, got 'cifar100'"),
    ],
)
def test_what_does_not_fit_the_pictures_is_refused_before_training(settings: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        fitted(read_plan({"axes": {"seed": [0, 1]}, "set": settings}).runs, tiny_images())


def test_a_study_that_names_no_pictures_is_refused() -> None:
    with pytest.raises(InputError, match="which pictures"):
        fitted(read_plan({"axes": {"seed": [0, 1]}}).runs)


# --- the examples ---------------------------------------------------------------------------------------------------


def test_the_example_of_a_study_is_right_also_with_its_comments_taken_away(tmp_path: Path) -> None:
    text = (DOCS / "study.toml").read_text("utf-8")
    assert len(read_plan(DOCS / "study.toml").runs) == 12
    whole = tmp_path / "study.toml"
    whole.write_text(re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.MULTILINE))
    assert len(read_plan(whole).runs) == 24


def test_the_example_of_a_search_is_right() -> None:
    space = read_space(DOCS / "search.toml")
    assert set(space.wanted) == set(space.draws(tiny_images().hierarchy)) == {"learning_rate", "batch", "level_weights"}
    assert (space.objective, space.better, space.fixed["validation"]) == ("accuracy", "higher", "0.1")
