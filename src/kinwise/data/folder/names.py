"""Names of files and folders: made printable, and what they say about a file or a part."""

import os
import unicodedata

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of the files in a folder that are taken for pictures; upper case counts as well."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
_MADE_BY_SYSTEMS = ("__MACOSX", "@eaDir")  # copies of pictures that unpacking and network drives leave behind


def printable(name: str) -> str:
    r"""``name`` as text that every file, page and terminal can hold; different names stay different.

    A character that cannot be printed is written as ``\n``, ``\r``, ``\t`` or ``\u202e``, a byte that is not UTF-8 as
    ``\xff``, and a backslash as two.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(map(_escaped, name))


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def label_name(name: str) -> str:
    """The name of a class: printable, composed (NFC, as systems disagree on accents), without white space around it."""
    return printable(unicodedata.normalize("NFC", name).strip()) or printable(name).replace(" ", "_")


def part_of(name: str) -> str:
    """Which part a folder or cell of that name stands for, "train", "validation" or "test"; "" for none of them."""
    name = name.strip().lower()
    return next((part for part, names in _PARTS.items() if name in names), "")


def suffix_of(name: str) -> str:
    """What follows the last dot, with it, in lower case."""
    return os.path.splitext(name)[1].lower()


def is_hidden(name: str) -> bool:
    """Whether a file or folder is not meant for people."""
    return name.startswith(".") or name in _MADE_BY_SYSTEMS
