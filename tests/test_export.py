"""Export: preprocessing, calibration and all levels in one file; what is checked, refused and left behind."""

import json
import logging
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from easy import easy_images
from PIL import Image
from runs import Refused, contents, status, tiny_images
from torch import nn
from zoo import ZOO

from kinwise.answering.answers import answers_from
from kinwise.config import Config
from kinwise.data import DATA_SETS, cifar
from kinwise.data.augment import channel_statistics
from kinwise.errors import InputError
from kinwise.exporting import formats
from kinwise.exporting.check import PROCESSOR, TOLERANCE, agreement, other_answers, pictures_to_ask
from kinwise.exporting.export import export
from kinwise.exporting.formats import FORMATS, format_of
from kinwise.exporting.whole import Calibration, Whole, calibration_of, facts_of, safe_names
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.promises import PROMISES
from kinwise.learn.network import Network, build, predict
from kinwise.run import Run
from kinwise.run_folder import VALIDATION

pytest_plugins = ("run_fixtures", "export_fixtures")

Output = pytest.CaptureFixture[str]
NETWORKS = ("fast", "dense-trunk", "weighted-heads", "double-conv", "resnet9", "smoothed-cnn")
HOUSE = Path(formats.__file__).parents[2]
IMAGES = easy_images()
CALIBRATION = Calibration(rule="least-cost", temperature=1.7, thresholds=(), pictures=10)


def a_network(name: str = "fast", loss: str = "ancestor-sum") -> Network:
    """Fresh weights, but lively: batch norms that have seen pictures, and a head that leans towards some classes."""
    config = Config(network=name, widths=(8, 8, 8) if name == "fast" else (), loss=loss, dropout=0.2)
    network = build(config, ZOO, channel_statistics(IMAGES.pixels), 18, seed=3)
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    network.head.adjust(torch.linspace(-1, 1, ZOO.level_sizes[-1]))
    return network.eval()


def pictures(count: int, size: int = 18) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def example(network: Network) -> torch.Tensor:
    return torch.zeros(2, network.size, network.size, 3, dtype=torch.uint8)


def written(network: Network, format_: str, folder: Path, temperature: float = 1.7) -> tuple[dict, formats.Ask]:
    path = folder / f"model.{format_}"
    path.write_bytes(
        FORMATS[format_].write(Whole(network, ZOO, temperature, "least-cost"), example(network), {"side": 18})
    )
    return FORMATS[format_].open(path)


# --- the module -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "safe"),
    [
        (("group", "superclass", "class"), ("group", "superclass", "class")),
        (("a b", "a-b", "a_b"), ("a_b", "a_b_2", "a_b_3")),
        (("1st", "größe", "pictures"), ("level_1st", "gr_e", "pictures_2")),
        (("?", "!"), ("level", "level_2")),
    ],
)
def test_safe_names(levels: tuple[str, ...], safe: tuple[str, ...]) -> None:
    assert safe_names(levels) == safe


@pytest.mark.parametrize("loss", ["ancestor-sum", "levels", "conditional", "haframe", "hier-cos"])
@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_the_module_says_what_answers_say(loss: str, temperature: float) -> None:
    network = a_network(loss=loss)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pixels = pictures(5)
    asked = replace(IMAGES.take(np.arange(5)), pixels=pixels)
    wanted = answers_from(predict(network, asked, PROCESSOR)[-1], ZOO, temperature, 0.0).probabilities
    got = Whole(network, ZOO, temperature, "least-cost")(torch.from_numpy(pixels.transpose(0, 2, 3, 1)))
    answer = got.pop("answer")
    assert answer.tolist() == (wanted[-1] @ ZOO.distances).argmin(axis=1).tolist()
    assert list(got) == ["group", "superclass", "class"]
    for ours, theirs in zip(got.values(), wanted, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-6)
    assert len(network(torch.zeros(1, 3, 18, 18))) == 3, "the network itself still answers at every level"
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_what_is_nearly_impossible_stays_so_at_high_temperatures() -> None:
    network = a_network()
    network.head.adjust(torch.tensor([0.0, 0.0, 0.0, 0.0, -500.0]))
    found = Whole(network, ZOO, 5.0, "argmax")(torch.zeros(1, 18, 18, 3, dtype=torch.uint8))["class"][0].numpy()
    network.head.adjust(torch.tensor([0.0, 0.0, 0.0, 0.0, -500.0]))
    asked = replace(IMAGES.take(np.arange(1)), pixels=np.zeros((1, 3, 18, 18), np.uint8))
    plain = predict(network, asked, PROCESSOR)[-1][0]
    assert plain[4] == 0
    assert found[4] / found[0] == pytest.approx((2**-23 / plain[0]) ** 0.2, rel=1e-4), "counted as 2^-23, fifth root"


def test_small_maps_are_convolved_the_plain_way() -> None:
    network = a_network()
    program = formats._exported(Whole(network, ZOO, 1.0, "argmax"), example(network))
    convolutions = [node for node in program.graph.nodes if "conv2d" in str(node.target)]
    assert len(convolutions) == sum(isinstance(module, nn.Conv2d) for module in network.modules())


# --- every network, both formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_as_a_program(name: str, tmp_path: Path) -> None:
    network = a_network(name)
    before = logging.root.manager.disable
    _, ask = written(network, "pt2", tmp_path)
    assert logging.root.manager.disable == before, "loggers speak again"
    found = agreement(ask, network, ZOO, CALIBRATION, pictures(20), "made")
    assert found.holds, found
    assert found.pictures == 20


@pytest.mark.parametrize(("name", "loss"), [("fast", "levels"), ("weighted-heads", "ancestor-sum")])
def test_networks_as_onnx(name: str, loss: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    network = a_network(name, loss)
    facts, ask = written(network, "onnx", tmp_path)
    assert facts == {"side": 18}
    found = agreement(ask, network, ZOO, CALIBRATION, pictures(20), "made")
    assert found.holds, found
    import onnx

    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    (given,) = model.graph.input
    assert given.name == "pictures"
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    sides = [axis.dim_value or axis.dim_param for axis in given.type.tensor_type.shape.dim]
    assert sides == ["batch", 18, 18, 3]
    outputs = {output.name: output.type.tensor_type for output in model.graph.output}
    assert list(outputs) == ["group", "superclass", "class", "answer"]
    assert outputs.pop("answer").elem_type == onnx.TensorProto.INT64
    assert [kind.shape.dim[1].dim_value for kind in outputs.values()] == list(ZOO.level_sizes)
    assert {kind.elem_type for kind in outputs.values()} == {onnx.TensorProto.FLOAT}
    assert [(one.domain, one.version) for one in model.opset_import] == [("", formats.OPSET)]


def test_what_torch_cannot_write_as_onnx_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("a page of advice")

    monkeypatch.setattr(formats, "_exported", lambda *_: None)
    monkeypatch.setattr(torch.onnx, "export", cannot)
    network = a_network()
    with pytest.raises(InputError, match="has no ONNX for the network timm:odd; try --format pt2"):
        FORMATS["onnx"].write(Whole(network, ZOO, 1.0, "argmax"), example(network), {"network": "timm:odd"})


# --- the comparison -------------------------------------------------------------------------------------------------


def of_classes(*rows: list[float]) -> list[np.ndarray]:
    """Probabilities at the levels of the zoo: animals, things; fish, tools, dog; shark, ray, dog, saw, axe."""
    labels = np.zeros(len(rows), int)
    return list(Predictions.from_classes(np.array(rows, np.float32), labels, ZOO).probabilities)


def test_other_answers_are_found_at_every_level_and_ties_are_not() -> None:
    ours = of_classes(
        [0.5, 0.3, 0.1, 0.1, 0.0],
        [0.5, 0.3, 0.1, 0.1, 0.0],  # the class differs
        [0.4, 0.0, 0.2, 0.2, 0.2],  # the same class, another superclass: 0.4 fish and 0.4 tools, 0.2 dog is a tie
        [0.30001, 0.29999, 0.2, 0.1, 0.1],  # the class is a tie
    )
    theirs = of_classes(
        [0.49, 0.31, 0.1, 0.1, 0.0],
        [0.3, 0.5, 0.1, 0.1, 0.0],
        [0.4, 0.0, 0.18, 0.21, 0.21],
        [0.29999, 0.30001, 0.2, 0.1, 0.1],
    )
    assert other_answers(tuple(ours), theirs, ZOO, []).tolist() == [False, True, False, False]


def test_other_stops_are_found_and_those_at_the_threshold_itself_are_not() -> None:
    ours = of_classes([0.70, 0.2, 0.1, 0.0, 0.0], [0.70005, 0.2, 0.09995, 0.0, 0.0])
    theirs = of_classes([0.69, 0.2, 0.11, 0.0, 0.0], [0.69995, 0.2, 0.10005, 0.0, 0.0])
    assert other_answers(tuple(ours), theirs, ZOO, [0.695]).tolist() == [True, False]
    assert other_answers(tuple(ours), theirs, ZOO, [0.7]).tolist() == [False, False], "0.7000 itself is a tie"


def test_the_file_is_asked_in_batches_of_several_sizes_and_a_difference_is_measured() -> None:
    network = a_network()
    whole, sizes = Whole(network, ZOO, 1.7, "least-cost"), []

    def ask(batch: np.ndarray) -> dict[str, np.ndarray]:
        sizes.append(len(batch))
        found = {name: level.numpy() for name, level in whole(torch.from_numpy(batch)).items()}
        if len(batch) == 7:
            found["superclass"] = found["superclass"] + np.float32([[0.01, 0, 0]])
        return found

    found = agreement(ask, network, ZOO, CALIBRATION, pictures(20), "made")
    assert sizes == [1, 7, 12]
    assert found.largest_difference == pytest.approx(0.01, abs=1e-5)
    assert not found.holds


def test_pictures_of_the_data_set_and_random_ones_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = build(Config(widths=(8, 8, 8)), tiny_images().hierarchy, channel_statistics(IMAGES.pixels), 32, 0)
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())
    found, source = pictures_to_ask(Config(data="shapes"), network)
    assert source == "pictures of shapes"
    np.testing.assert_array_equal(found, tiny_images().test.pixels)

    folder = tmp_path / "photos"
    for place, pixels in zip(("cat", "dog") * 3, tiny_images().test.pixels, strict=False):
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).resize((50, 40)).save(folder / place / f"{pixels.sum()}.png")
    found, source = pictures_to_ask(Config(data=str(folder)), network, tmp_path / "cache")
    assert (found.shape, source) == ((6, 3, 32, 32), "pictures of photos")

    monkeypatch.setattr(cifar, "_fetch", lambda *_: pytest.fail("nothing is downloaded"))
    found, source = pictures_to_ask(Config(data="cifar100"), network, tmp_path)
    assert source == "random pictures, because cifar100 is not there"
    assert found.shape == (200, 3, 32, 32)

    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: easy_images())
    assert (
        pictures_to_ask(Config(data="shapes"), network)[1]
        == "random pictures, because shapes has pictures of another form now"
    )


def unpacked(path: Path) -> bytes:
    """What is in a file; a pt2 file is a zip archive."""
    if path.suffix != ".pt2":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


# --- a run is exported ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_tiny_shapes")
@pytest.mark.parametrize("format_", list(FORMATS))
def test_a_run_is_exported(format_: str, calibrated: Run, tmp_path: Path) -> None:
    for module in FORMATS[format_].needs:
        pytest.importorskip(module)
    done = calibrated.export(tmp_path / f"mine.{format_}")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [f"mine.{format_}"]
    assert done.agreement.pictures == 128
    assert done.agreement.source == "pictures of shapes"
    assert done.agreement.largest_difference <= TOLERANCE
    for where in (b".py", str(HOUSE).encode()):
        assert where not in unpacked(done.path), "traces of the source name its files"
    facts, ask = FORMATS[format_].open(done.path)
    assert Hierarchy.from_dict(facts["hierarchy"]) == calibrated.hierarchy
    assert facts["outputs"] == list(calibrated.hierarchy.levels)
    assert [len(nodes) for nodes in facts["nodes"]] == list(calibrated.hierarchy.level_sizes)
    assert (facts["side"], facts["fit"], facts["recipe"], facts["network"]) == (32, "squash", "quick", "fast")
    assert list(facts["thresholds"]) == ["0.8", "0.9", "0.95", "0.99"]
    pixels = tiny_images().test.pixels[:9]
    answers = calibrated.predict(pixels)
    told = ask(pixels.transpose(0, 2, 3, 1).copy())
    assert calibrated.hierarchy.leaves[told.pop("answer")].tolist() == answers.nodes.tolist()
    for ours, theirs in zip(told.values(), answers.probabilities, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    told = done.text()
    assert str(done.path) in told
    assert "128 pictures of shapes" in told
    assert f"temperature {facts['temperature']:.3f}" in told
    assert f"95 % at {facts['thresholds']['0.95']:.3f}, 99 % cannot be promised" in told
    assert "by the decision rule least-cost" in told
    assert facts["temperature"] != 1


def test_what_is_written_beside_the_network(calibrated: Run) -> None:
    learnt = calibration_of(calibrated.validation(), "auto")
    facts = facts_of(calibrated, calibrated.network(), learnt)
    assert json.loads(json.dumps(facts)) == facts, "everything is plain JSON"
    assert facts["validation_pictures"] == 128
    assert facts["thresholds"] == {f"{one.promise:g}": one.value for one in learnt.thresholds}
    assert [one.promise for one in learnt.thresholds] == list(PROMISES)
    assert set(facts["notes"]) == {f"{one.promise:g}" for one in learnt.thresholds if one.note}
    assert "0.99" in facts["notes"], "128 pictures are too few for that"
    (calibrated.folder / VALIDATION).unlink()
    without = facts_of(calibrated, calibrated.network(), calibration_of(calibrated.validation(), "auto"))
    assert (without["temperature"], without["thresholds"], without["validation_pictures"]) == (1.0, {}, 0)


def test_a_file_that_disagrees_is_not_left_behind(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(whole: Whole, given: torch.Tensor, facts: dict) -> bytes:
        whole.temperature = 0.5
        return FORMATS["pt2"].write(whole, given, facts)

    monkeypatch.setattr("kinwise.exporting.export.FORMATS", FORMATS | {"pt2": replace(FORMATS["pt2"], write=other)})
    monkeypatch.setattr("kinwise.exporting.export.pictures_to_ask", lambda *_: (pictures(9, 32), "made pictures"))
    before = contents(run_folder)
    with pytest.raises(RuntimeError, match="does not say what the network says, and is removed: of 9 made pictures"):
        export(Run(run_folder), format="pt2")
    assert contents(run_folder) == before


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_tiny_shapes")
def test_the_command_prints_what_it_wrote(run_folder: Path, capsys: Output) -> None:
    assert status("export", run_folder, "--format", "pt2", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(run_folder / "model.pt2")
    assert told["bytes"] == (run_folder / "model.pt2").stat().st_size
    assert told["checked"]["same_answers"] is True
    assert told["checked"]["pictures"] == 128
    assert told["metadata"]["hierarchy"]["levels"] == ["group", "superclass", "class"]
    (run_folder / "model.pt2").unlink()
    assert status("export", run_folder, "--out", run_folder / "model.pt2") == 0
    shown = capsys.readouterr()
    assert "Calibrated: no, no pictures were held out" in shown.out
    assert f"torch.export.load({str(run_folder / 'model.pt2')!r})" in shown.out
    assert shown.err == ""


def test_what_is_refused(run_folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(run_folder)
    assert "there is no format 'tflite'; --format is one of onnx, pt2" in refused(
        "export", run_folder, "--format", "tflite"
    )
    assert "there is no format 'bin'" in refused("export", run_folder, "--out", run_folder / "model.bin")
    told = refused("export", run_folder, "--out", run_folder / "model.onnx", "--format", "pt2")
    assert "model.onnx does not end in .pt2" in told
    there = run_folder / "there.pt2"
    there.write_text("mine")
    assert f"{there} is there already; choose another --out" in refused("export", run_folder, "--out", there)
    assert there.read_text() == "mine"
    there.unlink()
    (run_folder / "link.pt2").symlink_to("nowhere")
    assert "link.pt2 is there already" in refused("export", run_folder, "--out", run_folder / "link.pt2")
    (run_folder / "link.pt2").unlink()
    assert "no run at nowhere" in refused("export", "nowhere")
    monkeypatch.setattr(formats, "find_spec", lambda module: None if module == "onnxruntime" else object())
    assert 'the format onnx needs onnxruntime: pip install "kinwise[onnx]"' in refused("export", run_folder)
    assert contents(run_folder) == before


def test_the_format_follows_the_name_of_the_file() -> None:
    assert format_of(Path("a/b.pt2"), None) == "pt2"
    assert format_of(Path("a/b.PT2"), "pt2") == "pt2"
    assert format_of(None, "pt2") == "pt2"
    with pytest.raises(InputError, match="there is no format ''"):
        format_of(Path("a/b"), None)
