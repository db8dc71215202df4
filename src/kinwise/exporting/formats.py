"""The two formats of an exported file: how each is written, and how what it says is found out again."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinwise.errors import InputError
from kinwise.exporting.whole import INPUT, Whole

OPSET = 18
"""Of the ONNX operators: what torch's exporter writes without converting, and ONNX Runtime reads since 1.18."""

FACTS = "kinwise.json"
"""What the metadata of a pt2 file is called inside it."""

Ask = Callable[[np.ndarray], dict[str, np.ndarray]]
"""From pictures, uint8 (batch, side, side, channels), to every output by its name."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format of an exported file.

    Attributes:
        needs: the modules without which it cannot be written and verified.
        write: the module, an example of its input and the metadata into bytes.
        open: a file into its metadata and a function that asks it.
        usage: Python that asks the file ``{file}`` about ``pictures``.
    """

    needs: tuple[str, ...]
    write: Callable[[Whole, torch.Tensor, dict[str, Any]], bytes]
    open: Callable[[Path], tuple[dict[str, Any], Ask]]
    usage: str


def format_of(out: Path | None, wanted: str | None) -> str:
    """The format that is asked for, by name or by the end of the file's name; ``onnx`` where nothing is said.

    Raises:
        InputError: when there is no such format, both are said and differ, or what it needs is not installed.
    """
    suffix = out.suffix.lower().removeprefix(".") if out is not None else ""
    name = wanted or (suffix if out is not None else "onnx")
    if name not in FORMATS:
        raise InputError(f"there is no format {name!r}; --format is one of {', '.join(FORMATS)}, or --out ends in it")
    if out is not None and suffix != name:
        raise InputError(f"{out} does not end in .{name}, as a file of the format {name} does; choose another --out")
    missing = [module for module in FORMATS[name].needs if find_spec(module) is None]
    if missing:
        raise InputError(f'the format {name} needs {" and ".join(missing)}: pip install "kinwise[{name}]"')
    return name


def _exported(whole: Whole, example: torch.Tensor) -> torch.export.ExportedProgram:
    """The program of the module for any number of pictures; nothing in it names a file of this machine."""
    with torch.no_grad(), _quiet():  # with gradients, small maps would be convolved by the way made for training
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(whole, (example,), dynamic_shapes=({0: batch},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torch says to those who write exporters."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# --- ONNX -----------------------------------------------------------------------------------------------------------


def _write_onnx(whole: Whole, example: torch.Tensor, facts: dict[str, Any]) -> bytes:
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                _exported(whole, example),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(whole.outputs),
            )
    except torch.onnx.OnnxExporterError as error:
        name = facts.get("network", "this one")
        raise InputError(f"torch {torch.__version__} has no ONNX for the network {name}; try --format pt2") from error
    assert program is not None
    model = program.model_proto
    tensors = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    for part in (*model.graph.node, *tensors):
        del part.metadata_props[:]  # traces of the source
    for axis in (axis for tensor in tensors for axis in tensor.type.tensor_type.shape.dim if axis.dim_param):
        axis.dim_param = "batch"  # the only one whose length is open
    for name, fact in facts.items():
        model.metadata_props.add(key=name, value=json.dumps(fact))
    return model.SerializeToString()


def _open_onnx(path: Path) -> tuple[dict[str, Any], Ask]:
    from onnxruntime import InferenceSession

    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    facts = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
    return facts, lambda pictures: dict(zip(names, session.run(None, {INPUT: pictures}), strict=True))


# --- torch.export ---------------------------------------------------------------------------------------------------


def _write_pt2(whole: Whole, example: torch.Tensor, facts: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(_exported(whole, example), buffer, extra_files={FACTS: json.dumps(facts)})
    return buffer.getvalue()


def _open_pt2(path: Path) -> tuple[dict[str, Any], Ask]:
    files = {FACTS: ""}
    with path.open("rb") as file, _quiet():
        module = torch.export.load(io.BytesIO(file.read()), extra_files=files).module()

    def ask(pictures: np.ndarray) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return {name: level.numpy() for name, level in module(torch.from_numpy(pictures)).items()}

    return json.loads(files[FACTS]), ask


_ONNX_USAGE = """
import onnxruntime  # not kinwise, not torch; pictures is uint8 of shape (batch, {side}, {side}, {channels}), RGB
session = onnxruntime.InferenceSession({file!r})
{names}, classes = session.run(None, {{"pictures": pictures}})
"""

_PT2_USAGE = """
import torch  # pictures is a tensor, uint8 of shape (batch, {side}, {side}, {channels}), RGB
network = torch.export.load({file!r}).module()
answers = network(pictures)  # {outputs}, answer
"""

FORMATS = {
    "onnx": Format(needs=("onnxscript", "onnxruntime"), write=_write_onnx, open=_open_onnx, usage=_ONNX_USAGE.strip()),
    "pt2": Format(needs=(), write=_write_pt2, open=_open_pt2, usage=_PT2_USAGE.strip()),
}
