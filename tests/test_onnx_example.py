"""The example that answers with an exported file: neither torch nor kinwise, and the same answers as kinwise's own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from runs import tiny_images

from kinwise.answering.answers import Answers
from kinwise.run import Run

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

pytest_plugins = ("run_fixtures", "export_fixtures")

EXAMPLE = Path(__file__).parents[1] / "examples" / "onnx_answer.py"
ALONE = """
import runpy, sys
sys.modules["torch"] = sys.modules["kinwise"] = None  # importing either fails
program, model, *files = sys.argv[1:]
for file in files:
    sys.argv = [program, model, file]
    runpy.run_path(program, run_name="__main__")
    print("---")
"""


def told(model: Path, *files: Path) -> list[list[str]]:
    """The lines that the example prints about each file, in a process that can import neither torch nor kinwise."""
    command = [sys.executable, "-W", "error", "-c", ALONE, str(EXAMPLE), str(model), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [part.strip().splitlines() for part in done.stdout.split("---\n")[:-1]]


def as_told(answers: Answers, row: int) -> list[str]:
    """What the example is to print about one picture."""
    lines = [f"{level}: {name} {confidence:.1%}" for level, name, confidence in answers.path(row)]
    likeliest = answers.likeliest(row)
    if len(lines) < len(likeliest):
        level, name, confidence = likeliest[len(lines)]
        lines.append(f"not sure of the {level}: {name} {confidence:.1%}")
    return lines


def files_in(folder: Path) -> list[Path]:
    """Test pictures as files: of their own size, larger, of another shape, grey, with a palette, turned, as JPEG."""
    paths = []
    for index, pixels in enumerate(tiny_images().test.pixels[:60:4]):
        picture = Image.fromarray(pixels.transpose(1, 2, 0))
        picture = [
            picture,
            picture.resize((133, 90)),
            picture.convert("L"),
            picture.quantize(16),
        ][index % 4]
        paths.append(folder / f"{index}.png")
        picture.save(paths[-1])
    turned = Image.Exif()
    turned[0x0112] = 6
    paths.append(folder / "turned.jpg")
    Image.fromarray(tiny_images().test.pixels[5].transpose(1, 2, 0)).resize((400, 300)).save(paths[-1], exif=turned)
    return paths


@pytest.mark.usefixtures("_tiny_shapes")
def test_the_example_answers_as_kinwise_does(calibrated: Run, tmp_path: Path) -> None:
    model = calibrated.export(tmp_path / "model.onnx").path
    files = files_in(tmp_path)
    answers = calibrated.predict(files, promise=0.95)
    found = told(model, *files)
    assert [_rounded(lines) for lines in found] == [_rounded(as_told(answers, row)) for row in range(len(files))]
    ends = {lines[-1].startswith("not sure of the") for lines in found}
    assert ends == {True, False}, "some answers stop early and some do not"
    always = with_metadata(model, tmp_path / "always.onnx", thresholds={})
    (lines,) = told(always, files[0])
    assert _rounded(lines) == _rounded(as_told(calibrated.predict(files[:1]), 0)), "without thresholds always a class"
    cropped = with_metadata(model, tmp_path / "cropped.onnx", fit="crop")
    done = subprocess.run([sys.executable, EXAMPLE, cropped, files[0]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "made square by crop" in done.stderr


def with_metadata(model: Path, path: Path, **facts: object) -> Path:
    """A copy of an exported file with some of its metadata changed."""
    loaded = onnx.load(model)
    for entry in loaded.metadata_props:
        if entry.key in facts:
            entry.value = json.dumps(facts[entry.key])
    onnx.save(loaded, path)
    return path


def _rounded(lines: list[str]) -> list[tuple[str, float]]:
    """Names, and percentages that rounding cannot make different."""
    parts = [re.fullmatch(r"(.*) ([\d.]+)%", line) for line in lines]
    return [(part[1], pytest.approx(float(part[2]), abs=0.11)) for part in parts if part]
