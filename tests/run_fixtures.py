"""Fixtures on the tiny training of ``runs``; a test file asks for them with ``pytest_plugins``."""

import shutil
from pathlib import Path

import pytest
from runs import TINY, Refused, status, tiny_images

from kinwise.data import DATA_SETS
from kinwise.data.shapes import shapes
from kinwise.experiment import train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run, trained once; not to be written to."""
    run = train(tiny_images(), config=TINY, out=tmp_path_factory.mktemp("trained") / "run")
    assert run is not None
    return run.folder


@pytest.fixture
def run_folder(trained: Path, tmp_path: Path) -> Path:
    """A complete run to do with as one likes; its report is a short text."""
    folder = tmp_path / "run"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("report.html"))
    (folder / "report.html").write_text("the old report")
    return folder


@pytest.fixture
def _tiny_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set ``shapes`` is the tiny one."""
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())


@pytest.fixture
def _other_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set ``shapes`` has not the pictures of the tiny one, and is drawn quickly."""
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: shapes(train=1, test=2))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """``kinwise ARGUMENTS`` ends with status 2 and one message, which is returned."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        found = status(*arguments)
        message = capsys.readouterr().err
        assert found == 2, f"status {found}: {message}"
        assert message.startswith("kinwise: ")
        assert "Traceback" not in message
        assert message.count("\n") <= 2, f"more than one message: {message}"
        return message

    return run
