"""The shape of the house: who may import whom, what importing costs, and how long files and functions get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kinwise

HOUSE = Path(kinwise.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))
MOST_LINES = 320
MOST_FUNCTION_LINES = 70

# From the ground up: a room imports only from rooms above it in this list, and from itself.
ROOMS = (
    "errors",
    "files",
    "hierarchy",
    "splits",
    "taxonomy",
    "config",
    "recipes",
    "data",
    "learn",
    "judge",
    "examine",
    "show",
    "record",
    "run_folder",
    "reporting",
    "answering",
    "exporting",
    "run",
    "predict",
    "results",
    "experiment",
    "explanation",
    "serving",
    "side_by_side",
    "studies",
    "console",
    "verbs",
    "cli",
    "commands",
    "__main__",
)
LAZY_EXCEPTION = ("cli", "commands")  # the command line hands over to its commands once the arguments are read
NO_TORCH = ("errors", "files", "hierarchy", "splits", "taxonomy", "config", "recipes", "judge", "verbs", "cli")


@dataclass(frozen=True, kw_only=True)
class Import:
    """``module`` imports ``target``, the name of a module; at once, or only when a function runs."""

    module: str
    target: str
    at_once: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The first part of a module's name below the package: ``learn`` for ``kinwise.learn.losses``."""
    return module.split(".")[1] if "." in module else ""


@cache
def imports(path: Path) -> list[Import]:
    tree = ast.parse(path.read_text("utf-8"))
    module = module_name(path)
    at_once = set(_at_once(tree))
    return [
        Import(module=module, target=target, at_once=node in at_once)
        for node in ast.walk(tree)
        for target in _targets(node, module)
    ]


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: neither in functions nor for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not for_types and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_once(child)


def _targets(node: ast.AST, module: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{module} imports relatively; write kinwise.… in full"
        modules = {module_name(path) for path in FILES}
        inner = [f"{node.module}.{name.name}" for name in node.names]
        return [name if name in modules else str(node.module) for name in inner]
    return []


LIGHT = [module_name(path) for path in FILES if room(module_name(path)) in NO_TORCH]
INSIDE = [one for path in FILES for one in imports(path) if one.target.split(".")[0] == "kinwise"]


def test_every_module_has_its_place_in_the_order() -> None:
    assert {room(module_name(path)) for path in FILES} - {""} <= set(ROOMS)


def test_a_room_imports_only_from_above_itself() -> None:
    place = {name: index for index, name in enumerate(("", *ROOMS))}
    upward = [one for one in INSIDE if place[room(one.target)] > place[room(one.module)]]
    allowed = [one for one in upward if (room(one.module), room(one.target)) == LAZY_EXCEPTION and not one.at_once]
    assert [str(one) for one in upward if one not in allowed] == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for one in INSIDE:
        if one.at_once and one.module != one.target:
            graph.setdefault(one.module, set()).add(one.target)
    assert list(TopologicalSorter(graph).static_order())


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert [str(one) for one in INSIDE if one.module == "kinwise"] == []


def test_the_judge_knows_nothing_of_learning() -> None:
    assert [str(one) for one in INSIDE if room(one.module) == "judge" and room(one.target) == "learn"] == []


def test_rooms_without_torch_do_not_name_it() -> None:
    torch = [one for path in FILES for one in imports(path) if one.target.split(".")[0] == "torch"]
    assert torch, "the room that learns does"
    assert [str(one) for one in torch if one.module in LIGHT] == []


@pytest.mark.parametrize("modules", [["kinwise"], LIGHT], ids=["the package", "the rooms without torch"])
def test_importing_does_not_import_torch(modules: list[str]) -> None:
    program = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there() -> None:
    for name in kinwise.__all__:
        assert getattr(kinwise, name) is not None
    assert set(dir(kinwise)) == set(kinwise.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kinwise.nothing


def test_files_and_functions_stay_short() -> None:
    for path in FILES:
        text = path.read_text("utf-8")
        assert text.count("\n") <= MOST_LINES, f"{path} is too long: is it one room or two?"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= MOST_FUNCTION_LINES, f"{path}:{node.lineno} {node.name} has {length} lines"


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert [path for path in FILES if path.stem in drawers] == []
