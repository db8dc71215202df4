"""How pictures are read: what a user may ask for, in one value that is handed on as it is."""

from dataclasses import dataclass

from kinwise.config import Config


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How pictures are read. All but ``hierarchy`` is for folders and tables; data sets have one form.

    Attributes:
        hierarchy: another tree over the classes: a built-in one or a file; empty: the one that they come with.
        size: the height and width to decode to, in pixels; 0: chosen from the files.
        fit: how pictures become square, one of ``folder.decode.FITS``.
        strict: refuse files that cannot be used; else they are left out.
    """

    hierarchy: str = ""
    size: int = 0
    fit: str = "squash"
    strict: bool = False


def options_of(config: Config, *, strict: bool = False) -> ReadOptions:
    """How a config wants its pictures read; how strictly is no matter of the config."""
    return ReadOptions(hierarchy=config.hierarchy, size=config.size, fit=config.fit, strict=strict)
