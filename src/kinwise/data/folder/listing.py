"""Listing: which picture files a folder or a table names, how they are labelled, and which part they belong to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kinwise.data.folder.names import SUFFIXES, label_name, part_of, printable, suffix_of
from kinwise.data.folder.table import Line, Table, read_table_of_files
from kinwise.data.folder.walk import Names, Walk, walk
from kinwise.errors import InputError

TABLES = (".csv", ".tsv")
_ARCHIVES = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst")

Label = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Picture files with labels; nothing of them has been opened yet.

    Attributes:
        path: the folder or the table.
        files: one per picture, in the order of the ids.
        ids: the name of each picture: its path from the folder (or that of the table) on, with "/", made printable.
        labels: for each picture the names from the coarsest node to the one where its label stops.
        parts: "train", "validation", "test", or "" where there are no parts, for each picture.
        skipped: what is left out, by its id, each with the reason.
        others: how many files of a folder are no pictures, by suffix; hidden ones too.
        levels: the names of the levels, where a table gives them.
        notes: what is worth knowing about how all this was read, a sentence each.
    """

    path: Path
    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: tuple[Label, ...]
    parts: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many pictures are listed."""
        return len(self.files)

    @property
    def root(self) -> Path:
        """The folder that the ids start from."""
        return self.path.parent if self.levels else self.path

    def where(self, keep: np.ndarray, reasons: Mapping[int, str]) -> "Listing":
        """The pictures at which ``keep`` is True; the others are skipped, for the reason given for each."""
        chosen = np.flatnonzero(keep).tolist()
        left_out = tuple((self.ids[row], reasons[row]) for row in np.flatnonzero(~keep).tolist())
        return replace(
            self,
            files=tuple(self.files[row] for row in chosen),
            ids=tuple(self.ids[row] for row in chosen),
            labels=tuple(self.labels[row] for row in chosen),
            parts=tuple(self.parts[row] for row in chosen),
            skipped=tuple(sorted((*self.skipped, *left_out))),
        )


def list_pictures(path: Path) -> Listing:
    """Look through a folder, or read a table of files (CSV, TSV).

    In a folder, folders are the classes and their folders the classes below them: ``tops/t-shirt/1.jpg``. Above them
    there may be one folder per part: train; val, valid or validation; test. Without a test part the validation part
    becomes it. Files count by their suffix (``names.SUFFIXES``). For tables see ``read_table_of_files``; their files
    are looked for beside them, whatever their suffix.

    Raises:
        InputError: when there is nothing of the kind, or no picture that has a label.
    """
    if not os.path.exists(path):
        raise InputError(f"there is no {_told(path)}; expected a folder of pictures or a table of files (CSV)")
    if os.path.isdir(path):
        listing = _of_folder(path)
    elif suffix_of(path.name) in TABLES:
        listing = _of_table(path, read_table_of_files(path))
    else:
        raise InputError(_no_listing(path))
    return _with_test_part(listing)


def _told(path: Path) -> str:
    return printable(str(path))


def _no_listing(path: Path) -> str:
    suffix = suffix_of(path.name)
    if suffix in _ARCHIVES:
        return f"{_told(path)} is an archive; unpack it first and give the folder that comes of it"
    kind = "a picture" if suffix in SUFFIXES else "no folder and no table"
    return f"{_told(path)} is {kind}; expected a folder with a folder of pictures per class, or a table (CSV)"


# --- folders ---------------------------------------------------------------------------------------------------------


def _of_folder(path: Path) -> Listing:
    found = walk(path)
    parts, notes = _parts_at_top(path, found)
    skipped = [(_id(names), reason) for names, reason in found.skipped]
    rows: list[tuple[Names, Label, str]] = []
    for names in found.files:
        part = parts.get(names[0], "") if len(names) > 1 else ""
        label = tuple(map(label_name, names[1:-1] if part else names[:-1]))
        if parts and len(names) > 1 and not part:
            skipped.append((_id(names), f"lies beside the folders {', '.join(parts)}, in none of them"))
        elif not label:
            skipped.append((_id(names), "lies in no folder of a class"))
        else:
            rows.append((names, label, part))
    if not rows:
        raise InputError(_nothing_found(path, found))
    labels, wrapper = _unwrapped([label for _, label, _ in rows])
    if wrapper:
        notes.append(f"all pictures lie below {'/'.join(wrapper)}, which is left out of the tree")
    return Listing(
        path=path,
        files=tuple(path.joinpath(*names) for names, _, _ in rows),
        ids=tuple(_id(names) for names, _, _ in rows),
        labels=tuple(labels),
        parts=tuple(part for _, _, part in rows),
        skipped=tuple(sorted(skipped)),
        others=dict(sorted(found.others.items())),
        notes=tuple(notes),
    )


def _id(names: Names) -> str:
    return "/".join(map(printable, names)) or "."


def _parts_at_top(path: Path, found: Walk) -> tuple[dict[str, str], list[str]]:
    """The folders at the top that are parts, each with its part, and what is to be said about them.

    They are when all folders at the top are called so, or when there is one to learn from and one to judge by; else a
    folder called train is a class, of vehicles for example.
    """
    tops = sorted({names[0] for names in found.files if len(names) > 1})
    parts = {top: part_of(top) for top in tops if part_of(top)}
    kinds = set(parts.values())
    if parts and (len(parts) == len(tops) or ("train" in kinds and len(kinds) > 1)):
        return parts, []
    deeper = sorted({names[: at + 1] for names in found.files for at in range(1, len(names) - 1) if part_of(names[at])})
    if not {"train"} < {part_of(names[-1]) for names in deeper}:
        return {}, []
    if len(tops) == 1 and len(deeper[0]) == 2:
        inside = ", ".join(printable(names[-1]) for names in deeper if len(names) == 2)
        raise InputError(
            f"{_told(path)} holds nothing but {_id(deeper[0][:1])}/ with {inside}; give {_told(path / tops[0])}"
        )
    usual = f"{_id(deeper[0][-1:])}/CLASS/picture.jpg"
    return {}, [f"the folder {_id(deeper[0])} counts as a class; parts are known at the top only: {usual}"]


def _unwrapped(labels: Sequence[Label]) -> tuple[list[Label], Label]:
    """The labels without the names at the top that all of them share, and these names."""
    depth, most = 0, min(map(len, labels)) - 1
    while depth < most and len({label[depth] for label in labels}) == 1:
        depth += 1
    return [label[depth:] for label in labels], labels[0][:depth]


def _nothing_found(path: Path, found: Walk) -> str:
    where = _told(path)
    tables = sorted(entry.name for entry in path.iterdir() if suffix_of(entry.name) in TABLES)
    hint = f", or give the table {_told(path / tables[0])}, if it names them" if tables else ""
    expected = f"expected one folder per class in it, CLASS/picture.jpg, or train/CLASS/picture.jpg{hint}"
    if found.files:
        return f"no picture of the {len(found.files):,} in {where} lies in the folder of a class; {expected}"
    unread = "".join(f"; {_id(names)}: {reason}" for names, reason in found.skipped[:3])
    others = ", ".join(f"{count:,} {suffix}" for suffix, count in found.others.most_common(3))
    seen = f" (but other files: {others})" if others else ""
    return f"there are no pictures in {where}{seen}{unread}; {expected}"


# --- tables ----------------------------------------------------------------------------------------------------------


def _of_table(path: Path, table: Table) -> Listing:
    skipped: list[tuple[str, str]] = []
    rows: dict[str, tuple[Path, Line]] = {}
    for line in table.lines:
        file, name = _file_of(path.parent, line.file)
        reason = _trouble(file, line) or _again(rows.get(name), line)
        if reason:
            skipped.append((name, f"line {line.number}: {reason}"))
        else:
            rows[name] = file, line
    if not rows:
        name, reason = skipped[0]
        raise InputError(f"{path} names no picture that can be used; {name}, {reason}. Its paths start at its folder")
    names = sorted(rows)
    return Listing(
        path=path,
        files=tuple(rows[name][0] for name in names),
        ids=tuple(names),
        labels=tuple(rows[name][1].label for name in names),
        parts=tuple(rows[name][1].part for name in names),
        skipped=tuple(sorted(skipped)),
        levels=table.levels,
        notes=table.notes,
    )


def _file_of(folder: Path, text: str) -> tuple[Path, str]:
    r"""The file that a cell names, and its id; a\b is a/b where only that is there."""
    file = folder / text
    if "\\" in text and not os.path.exists(file):
        file = folder / text.replace("\\", "/")
    name = os.path.normpath(file) if os.path.isabs(text) else os.path.relpath(file, folder)
    return file, _id(tuple(Path(name).as_posix().split("/")))


def _trouble(file: Path, line: Line) -> str:
    """Why a row gives no labelled picture; "" where it does."""
    if not line.file:
        return "names no file"
    if "\0" in line.file or not os.path.exists(file):
        return "there is no such file"
    if not os.path.isfile(file):
        return "not a plain file"
    return "" if line.label else "has no label"


def _again(before: tuple[Path, Line] | None, line: Line) -> str:
    """Why a file that an earlier row named is left out; "" where none did."""
    if before is None:
        return ""
    first = before[1]
    other = "" if first.label == line.label else f", there as {'/'.join(first.label)}, here as {'/'.join(line.label)}"
    return f"stands in line {first.number} already{other}"


# --- parts -----------------------------------------------------------------------------------------------------------


def _with_test_part(listing: Listing) -> Listing:
    """The listing with the validation part as its test part, where it has none; and a note on what is missing."""
    kinds = set(listing.parts)
    if kinds <= {"", "train"}:
        told = "there is no test part: of each class a fifth of the pictures is drawn, unless --split says otherwise"
    elif "test" not in kinds:
        told = "there is no test part: the validation part is taken for it"
        parts = tuple("test" if part == "validation" else part for part in listing.parts)
        listing = replace(listing, parts=parts)
    else:
        told = ""
    notes = [*listing.notes, told] if told else [*listing.notes]
    if not kinds & {"", "train"}:
        notes.append("there is no train part: these pictures can be judged by, not learnt from")
    return replace(listing, notes=tuple(notes))
