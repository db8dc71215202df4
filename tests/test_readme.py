"""Every command line in the README is one that kinwise understands, and names only things that are there."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

from kinwise import cli, verbs
from kinwise.data import DATA_SETS
from kinwise.judge.decide import RULES
from kinwise.recipes import recipe
from kinwise.verbs import VERBS

README = Path(__file__).parents[1] / "README.md"

KNOWN = (*DATA_SETS, "photos")  # and a folder that the text makes


def command_lines(text: str) -> list[list[str]]:
    """The words after ``kinwise`` of every command line in the text's ``sh`` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [words for line in lines for words in _after_kinwise(line)]


def _after_kinwise(line: str) -> list[list[str]]:
    words = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=";|&>")
    words.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";|&>"):
            commands.append([])
        elif commands[-1] or not re.match(r"\w+=", word):  # VARIABLE=value may stand before a command
            commands[-1].append(word)
    return [command[at:] for command in commands if (at := _place(command))]


def _place(command: list[str]) -> int:
    """Where the words after ``kinwise`` or ``-m kinwise`` begin; 0 where something else is called."""
    if command and command[0].rsplit("/", 1)[-1] == "kinwise":
        return 1
    pairs = list(pairwise(command))
    return pairs.index(("-m", "kinwise")) + 2 if ("-m", "kinwise") in pairs else 0


def test_command_lines_are_found_wherever_they_stand() -> None:
    text = """
```sh
$ kinwise train shapes --out "a b"   # a comment about kinwise
cd kinwise && pip install kinwise
KINWISE_DATA=data kinwise data cifar100 | head
torchrun --nproc-per-node 2 -m kinwise \\
  train cifar100
.venv/bin/kinwise recipes > list; kinwise report one
```
```python
kinwise is not a command here
```
"""
    assert command_lines(text) == [
        ["train", "shapes", "--out", "a b"],
        ["data", "cifar100"],
        ["train", "cifar100"],
        ["recipes"],
        ["report", "one"],
    ]


def test_every_command_line_of_the_readme_is_right() -> None:
    found = command_lines(README.read_text("utf-8"))
    assert found, "the README shows how to use the command line"
    for words in found:
        if {"-h", "--help"} & set(words):
            assert set(words[:-1]) <= set(VERBS), words
            continue
        verb = cli.parse(words)
        if isinstance(verb, verbs.Train):
            assert verb.resume or verb.data in KNOWN, words
            recipe(verb.recipe).config.changed([text for group in verb.set for text in group])
        if isinstance(verb, verbs.Evaluate | verbs.Score):
            assert verb.decision in ("auto", *RULES, "all"), words
        if getattr(verb, "hierarchy", None) and str(verb.hierarchy).startswith("docs/"):
            assert (README.parent / verb.hierarchy).is_file(), words
        if isinstance(verb, verbs.Data):
            assert verb.data in KNOWN, words


def test_every_verb_stands_in_the_readme() -> None:
    shown = {words[0] for words in command_lines(README.read_text("utf-8")) if words}
    assert set(VERBS) <= shown
