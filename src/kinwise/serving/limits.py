"""What a request may bring at most."""

FILES = 16
"""Pictures in one request."""

FILE_BYTES = 10_000_000
"""Bytes of one picture's file."""

BODY_BYTES = 40_000_000
"""Bytes of a whole request."""

SIMILAR = 20
"""Similar training pictures that may be asked for."""

NAME_LENGTH = 255
"""Characters of a file's name; what goes beyond is left out."""


def megabytes(count: int) -> str:
    """A round number of bytes, for people."""
    return f"{count // 1_000_000} MB"
