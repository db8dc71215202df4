"""Two processes under torchrun learn what one process learns from the same batches."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from easy import CONFIG, CPU, easy_images

from kinwise.learn.processes import Processes, join_processes
from kinwise.learn.train import Training

TESTS = Path(__file__).parent
TAME = ("learning_rate=0.005", "other_learning_rate=0.02")  # for a network without normalisation
FREEZE = ("freeze=0.5,0.75",)


def train_both(processes: Processes) -> dict[str, Any]:
    """Train twice, with the batch normalisation at rest and as usual; what came of it, as plain values."""
    results: dict[str, Any] = {}
    for name, config in (("at rest", CONFIG.changed(TAME)), ("usual", CONFIG.changed(FREEZE))):
        training = Training(config, easy_images(), CPU, processes)
        if name == "at rest":
            keep_normalisation_at_rest(training.network)
        training.run()
        results[name] = {
            "losses": [entry["loss"] for entry in training.history],
            "accuracy": training.history[-1]["accuracy"]["train"],
            "weights": {key: value.detach().clone() for key, value in training.network.named_parameters()},
        }
    return results


def keep_normalisation_at_rest(network: torch.nn.Module) -> None:
    """Let batch normalisation use its first running statistics for ever: pictures then do not affect each other."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()
            layer.train = lambda *_: None  # type: ignore[method-assign, assignment]


def main(folder: Path) -> None:
    """What each of the processes does."""
    processes = join_processes(CPU.device)
    torch.save(train_both(processes), folder / f"{processes.rank}-of-{processes.count}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What one process alone, the first of two and the second of two came to."""
    folder = tmp_path_factory.mktemp("processes")
    script = folder / "both.py"
    script.write_text(
        f"import sys\nfrom pathlib import Path\nsys.path.insert(0, {str(TESTS)!r})\n"
        "from test_processes import main\nmain(Path(sys.argv[1]))\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]
    done = subprocess.run(
        [*torchrun, *meeting, str(script), str(folder)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(folder / f"{rank}-of-2.pt", weights_only=True) for rank in (0, 1))
    return train_both(Processes()), first, second


def test_both_processes_end_with_the_same_weights(results: tuple[dict[str, Any], ...]) -> None:
    _, first, second = results
    for name in ("at rest", "usual"):
        assert first[name]["losses"] == second[name]["losses"]
        for key, weight in first[name]["weights"].items():
            assert torch.equal(weight, second[name]["weights"][key])


def test_without_batch_statistics_two_processes_equal_one_to_rounding(results: tuple[dict[str, Any], ...]) -> None:
    alone, first, _ = (each["at rest"] for each in results)
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-4)
    assert first["accuracy"] == pytest.approx(alone["accuracy"], abs=0.01)
    for key, weight in first["weights"].items():
        assert (weight - alone["weights"][key]).abs().max() < 1e-3, key


def test_two_processes_reach_the_loss_of_one(results: tuple[dict[str, Any], ...]) -> None:
    alone, first, _ = (each["usual"] for each in results)
    # Batch normalisation sees half a batch, 8 pictures instead of 16, in each process: its statistics are noisier.
    assert first["losses"] == pytest.approx(alone["losses"], rel=0.1)
    assert first["losses"][-1] < first["losses"][0]


def test_alone_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    processes = join_processes(CPU.device)
    assert processes == Processes(rank=0, count=1)
    assert processes.is_first
    sums = torch.tensor([2.0])
    processes.add_up(sums)
    processes.as_the_first(sums)
    assert sums.tolist() == [2.0]
    batch = torch.arange(6)
    assert processes.share(batch).tolist() == [0, 1, 2, 3, 4, 5]
    assert Processes(rank=1, count=3).share(batch).tolist() == [1, 4]
