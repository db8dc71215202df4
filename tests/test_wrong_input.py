"""Everything a user can get wrong: status 2, one message that helps, and nothing damaged or left behind."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from runs import FILES, TINY, TINY_OPTIONS, Refused, contents, status, stopped_at, tiny_images

from kinwise.experiment import Interrupted, train
from kinwise.run import Run

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("_tiny_shapes")

Output = pytest.CaptureFixture[str]


# --- words that mean nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("train", "which pictures? kinwise train shapes, kinwise train cifar100, or kinwise train FOLDER"),
        ("train shapse", "unknown data set 'shapse'; .*did you mean shapes?"),
        ("train pictures/of/mine", "there is no {here}/pictures/of/mine; expected a folder of pictures"),
        ("train shapes --recipe quik", "unknown recipe 'quik'. Did you mean quick?"),
        ("train shapes --split 60:40", "split: expected one of official, 70:30, 80:20, 90:10, got '60:40'"),
        ("train shapes --device tpu", "device: expected one of auto, cpu, cuda, mps, got 'tpu'"),
        ("train shapes --seed one", "seed: cannot read 'one' as a whole number"),
        ("train shapes --seed -1", "seed: expected 0..2147483647, got -1"),
        ("train shapes --epochs 0", "epochs: expected above 0, got 0"),
        ("train shapes --epochs nan", "epochs: expected above 0, got nan"),
        ("train shapes --set epochs", "--set takes key=value, got 'epochs'"),
        ("train shapes --set epoch=3", "unknown key 'epoch'.*did you mean epochs"),
        ("train shapes --set recipe=thorough", "a change cannot take another recipe; name it by itself: --recipe NAME"),
        ("train shapes --size 64", "shapes has pictures of 32 x 32; size and fit are for pictures from a folder"),
        ("train shapes --set fit=crop", "shapes has pictures of 32 x 32; size and fit are for pictures from a folder"),
        ("train shapes --set data=cifar100", "the pictures are named by themselves (kinwise train shapes), not by"),
        ("train shapes --set loss=hxe head=independent", "the loss hxe does not go with the head independent, only"),
        ("train shapes --set loss=haframe head=summed", "does not go with the head summed, only with haframe; leave"),
        ("train shapes --set batch=many", "batch: cannot read 'many' as a whole number"),
        (
            "train shapes --set batch=1",
            "batch normalisation needs 2 pictures per step in each process, got 1: batch is 1",
        ),
        ("train shapes --size 8", "size: expected 0 or 16..1024, got 8"),
        ("train shapes --set loss=flatt", "unknown loss 'flatt'"),
        ("train shapes --set network=resnet", "unknown network 'resnet'"),
        ("train shapes --set network=resnet9", "widths: resnet9 has its own; leave them empty (--set widths=)"),
        ("train shapes --set widths=", "widths: the network fast takes three, got 0"),
        ("train shapes --set early_stopping=2", "early_stopping goes by the loss on pictures held out, and none are"),
        ("train shapes --set schedule=onecycle", "schedule: expected one of linear, cosine, one-cycle, constant, .*"),
        ("train shapes --set widths=8,8", "widths: expected three multiples of 8, or none, got 8,8"),
        ("train shapes --set resolutions=32", "resolutions: cannot read '32' as size:until pairs"),
        ("train shapes --set level_weights=1,2", "level_weights: expected 3, one for each of group, superclass, class"),
        ("train shapes --set validation=1", "validation: expected [0, 1), got 1"),
        ("data shapse", "unknown data set 'shapse'"),
        ("data shapes --split 60:40", "unknown split '60:40'"),
        ("data shapes --split 80:20 --seed -1", "seed: expected 0..2147483647, got -1"),
        ("data cifar100 --data-dir {here}", "cifar-100-python"),
        ("evaluate {run} --decision guess", "there is no decision rule 'guess'"),
        ("evaluate {run} --hierarchy cifar10", "cifar10"),
        ("evaluate {run} --hierarchy cifar100", "classes in the data but not in the hierarchy: '"),
        ("evaluate {run} --data shapse", "unknown data set 'shapse'"),
        ("evaluate {here}", "is no complete run: it has no done.json"),
        ("evaluate {here}/nothing", "no run at {here}/nothing; kinwise train writes one"),
        ("compare", "which runs? kinwise compare RUN RUN..., the baseline first"),
        ("compare {run}", "which runs? kinwise compare RUN RUN..., the baseline first"),
        ("compare {run} {run}", "{run} is there twice; a run can only be compared with others"),
        ("compare {run} {here}/nothing", "no run at {here}/nothing; kinwise train writes one"),
        ("compare {run} {here}", "is no complete run: it has no done.json"),
        ("compare {run} {run}/scores.json", "expected a file of predictions"),
        ("compare {run} {run}/predictions.safetensors --out {run}", "{run} is there already; choose another --out"),
        ("compare {run} {run}/predictions.safetensors --decision gues", "there is no decision rule 'gues'"),
        ("compare {run} {run}/predictions.safetensors --hierarchy cifar10", "no hierarchy 'cifar10'"),
        ("compare {run} {run}/predictions.safetensors --hierarchy cifar100", "not in the hierarchy: '"),
        ("report", "which runs? kinwise report RUN..."),
        ("report {here}/nothing", "no run at {here}/nothing"),
        ("train --resume {here}/nothing", "no unfinished run at {here}/nothing.partial"),
        ("train --resume {run}", "{run} is complete; there is nothing to resume"),
        ("train --resume {run}.partial", "{run} is complete; there is nothing to resume"),
        ("train shapes --out {run}", "{run} is there already; choose another --out"),
        ("train shapes --out {here}/new.partial", "names that end in .partial are those of unfinished runs"),
        ("score {here}/nothing.npz --hierarchy cifar100", "there is no file {here}/nothing.npz"),
        ("score {here} --hierarchy cifar100", "expected a file of predictions"),
    ],
)
def test_a_wrong_word(
    arguments: str, expected: str, run_folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run_folder.parent
    monkeypatch.chdir(here)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("time.sleep", lambda _: None)
    before = contents(here)
    told = refused(*arguments.format(run=run_folder, here=here).split())
    pattern = re.escape(expected.format(run=run_folder, here=here)).replace(r"\.\*", ".*")
    assert re.search(pattern, told, re.DOTALL), told
    assert contents(here) == before


def no_network(*_: object, **__: object) -> None:
    raise OSError("this test has no network")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["trian"],
        ["train", "shapes", "--sede", "1"],
        ["train", "shapes", "cifar100"],
        ["train", "shapes", "--out"],
        ["evaluate"],
        ["evaluate", "a", "b"],
        ["score", "a.npz"],
        ["compare", "a", "b", "--uot", "c"],
        ["data"],
        ["data", "shapes", "--seed", "x"],
        ["recipes", "--jsno"],
    ],
    ids=" ".join,
)
def test_a_wrong_verb_or_option(
    arguments: list[str], capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert "kinwise" in captured.err, "says where help is"
    assert contents(tmp_path) == {}


# --- runs that are there already, and unfinished ones ---------------------------------------------------------------


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training stopped in its second epoch; not to be written to."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted):
        train(tiny_images(), config=TINY, out=folder, watchers=stopped_at(6))
    return folder.with_name("run.partial")


@pytest.fixture
def unfinished(stopped: Path, tmp_path: Path) -> Path:
    """An unfinished run to do with as one likes: run.partial."""
    return Path(shutil.copytree(stopped, tmp_path / "run.partial"))


def test_an_unfinished_run_is_not_judged_nor_overwritten(unfinished: Path, refused: Refused) -> None:
    before = contents(unfinished.parent)
    finish = f"kinwise train --resume {unfinished}"
    for verb in ("evaluate", "report"):
        for name in (unfinished, unfinished.with_name("run")):
            assert finish in refused(verb, name)
    assert finish in refused("train", "shapes", *TINY_OPTIONS, "--out", unfinished.with_name("run"))
    assert contents(unfinished.parent) == before


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["shapes"], "data"),
        (["--seed", "1"], "seed"),
        (["--set", "loss=flat"], "set"),
        (["--out", "elsewhere", "--epochs", "9"], "epochs, out"),
    ],
)
def test_resume_takes_no_other_options(unfinished: Path, refused: Refused, option: list[str], named: str) -> None:
    before = contents(unfinished.parent)
    told = refused("train", "--resume", unfinished, *option)
    assert told == f"kinwise: --resume takes everything from the unfinished run; leave out {named}\n"
    assert contents(unfinished.parent) == before


def test_a_training_broken_off_before_its_first_epoch_says_what_to_do(unfinished: Path, refused: Refused) -> None:
    (unfinished / "state.pt").unlink()
    assert "was broken off before anything was saved; remove it and train anew" in refused(
        "train", "--resume", unfinished
    )
    told = refused("train", "shapes", "--out", unfinished.with_name("run"))
    assert "cannot be resumed; remove it, or choose another --out" in told


def test_resuming_from_within_the_folder(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unfinished)
    assert status("train", "--resume", ".") == 0
    assert Run(unfinished.with_name("run")).scores().n == 128


# --- damaged files --------------------------------------------------------------------------------------------------


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(4000))


def another_object(path: Path) -> None:
    path.write_text('{"something": "else"}\n')


def a_list(path: Path) -> None:
    path.write_text("[1, 2]\n")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [missing, empty, truncated, garbage, another_object, a_list, folder]
READ_BY = {
    "evaluate": {"config.json", "predictions.safetensors", "scores.json"},
    "report": {"config.json", "metrics.jsonl", "predictions.safetensors", "scores.json"},
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("verb", "name"), [(verb, name) for verb, names in READ_BY.items() for name in sorted(names)])
def test_a_damaged_file_that_is_read(
    verb: str, name: str, damage: Callable[[Path], None], run_folder: Path, refused: Refused
) -> None:
    damage(run_folder / name)
    before = contents(run_folder)
    told = refused(verb, run_folder)
    assert str(run_folder / name) in told, "the message names the file"
    assert contents(run_folder) == before


@pytest.mark.parametrize("name", sorted(set(FILES) - READ_BY["evaluate"] - {"done.json"}))
def test_a_file_that_is_not_read_does_no_harm(name: str, run_folder: Path, capsys: Output) -> None:
    garbage(run_folder / name)
    assert status("evaluate", run_folder) == 0
    assert "128 pictures" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [missing, folder])
@pytest.mark.parametrize("verb", ["evaluate", "report"])
def test_without_done_a_run_is_not_complete(
    verb: str, damage: Callable[[Path], None], run_folder: Path, refused: Refused
) -> None:
    damage(run_folder / "done.json")
    assert "is no complete run: it has no done.json" in refused(verb, run_folder)


def test_a_folder_in_the_place_of_the_report(run_folder: Path, refused: Refused) -> None:
    folder(run_folder / "report.html")
    before = contents(run_folder)
    assert f"cannot write {run_folder / 'report.html'}: Is a directory" in refused("report", run_folder)
    assert contents(run_folder) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights(damage: Callable[[Path], None], run_folder: Path, refused: Refused) -> None:
    damage(run_folder / "weights.safetensors")
    assert str(run_folder / "weights.safetensors") in refused("evaluate", run_folder, "--data", "shapes")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["state.pt", "config.json"])
def test_resuming_with_a_damaged_file(
    name: str, damage: Callable[[Path], None], unfinished: Path, refused: Refused
) -> None:
    damage(unfinished / name)
    before = contents(unfinished.parent)
    assert str(unfinished) in refused("train", "--resume", unfinished)
    assert contents(unfinished.parent) == before


def test_the_state_of_another_network(unfinished: Path, refused: Refused) -> None:
    config = unfinished / "config.json"
    config.write_text(re.sub(r'"widths": \[\s+8', '"widths": [16', config.read_text("utf-8")))
    before = contents(unfinished.parent)
    assert f"{unfinished / 'state.pt'} does not fit its config.json" in refused("train", "--resume", unfinished)
    assert contents(unfinished.parent) == before


@pytest.mark.parametrize("damage", DAMAGES[1:4])
@pytest.mark.parametrize("suffix", ["npz", "csv", "parquet", "safetensors"])
def test_score_of_a_damaged_file(
    suffix: str, damage: Callable[[Path], None], trained: Path, tmp_path: Path, refused: Refused
) -> None:
    file = tmp_path / f"mine.{suffix}"
    saved = Run(trained).predictions()
    np.savez(tmp_path / "whole.npz", probabilities=saved.probabilities[-1], labels=saved.labels)
    shutil.move(tmp_path / "whole.npz", file)
    damage(file)
    before = contents(tmp_path)
    assert str(file) in refused("score", file, "--hierarchy", trained / "hierarchy.json")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_hierarchy(damage: Callable[[Path], None], trained: Path, tmp_path: Path, refused: Refused) -> None:
    tree = tmp_path / "tree.json"
    shutil.copy(trained / "hierarchy.json", tree)
    damage(tree)
    assert "tree.json" in refused("evaluate", trained, "--hierarchy", tree)


# --- places that cannot be written to -------------------------------------------------------------------------------


def test_a_file_where_a_folder_should_be(run_folder: Path, refused: Refused) -> None:
    (run_folder.parent / "file").write_text("mine")
    before = contents(run_folder.parent)
    told = refused("train", "shapes", *TINY_OPTIONS, "--out", run_folder.parent / "file" / "run")
    assert "cannot write" in told
    assert "Not a directory" in told
    report = run_folder.parent / "file" / "report.html"
    predictions = run_folder / "predictions.safetensors"
    tree = run_folder / "hierarchy.json"
    assert "Not a directory" in refused("score", predictions, "--hierarchy", tree, "--report", report)
    assert contents(run_folder.parent) == before


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_no_permission_to_write(
    error: OSError, run_folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(run_folder.parent)

    def forbidden(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "touch", forbidden)
    monkeypatch.setattr(Path, "mkdir", forbidden)
    told = refused("report", run_folder)
    assert told == f"kinwise: cannot write {run_folder / 'report.html'}: {error.strerror}\n"
    new = run_folder.with_name("new")
    told = refused("train", "shapes", *TINY_OPTIONS, "--out", new)
    assert told == f"kinwise: cannot write {new}.partial: {error.strerror}\n"
    monkeypatch.undo()
    assert contents(run_folder.parent) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(run_folder: Path, refused: Refused) -> None:
    run_folder.chmod(0o500)
    try:
        assert "Permission denied" in refused("report", run_folder)
    finally:
        run_folder.chmod(0o700)
