"""Uploads: the files of a request, and the pictures in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from kinwise.data.folder.decode import Unreadable, decode_sized
from kinwise.serving.limits import FILE_BYTES, FILES, NAME_LENGTH, megabytes
from kinwise.serving.schema import Refused

FIELD = "pictures"
"""The name of the form's field that holds the files."""

FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": FILES,
                            "description": f"Picture files of at most {megabytes(FILE_BYTES)} each.",
                        }
                    },
                }
            }
        },
    }
}
"""What /openapi.json says about such a request."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture that was sent.

    Attributes:
        name: its file's name, as it was sent.
        width: upright, in pixels.
        height: upright, in pixels.
        pixels: as the network sees it, uint8 (3, side, side).
    """

    name: str
    width: int
    height: int
    pixels: np.ndarray


@asynccontextmanager
async def uploads(request: Request) -> AsyncIterator[list[UploadFile]]:
    """The files of a request, one to ``FILES``; they are gone afterwards.

    Raises:
        HTTPException: when it is no form with files, or has too many.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(415, f"expected a form (multipart/form-data) with files in the field {FIELD}")
    async with request.form(max_files=FILES, max_fields=0) as form:
        files = [file for file in form.getlist(FIELD) if isinstance(file, UploadFile)]
        if not files or len(files) != len(form.multi_items()):
            raise HTTPException(422, f"expected 1 to {FILES} files in the field {FIELD}, and nothing else")
        yield files


def picture_of(file: UploadFile, side: int, fit: str) -> Picture | Refused:
    """The picture in a file, or why there is none."""
    name = (file.filename or "")[:NAME_LENGTH]
    if (file.size or 0) > FILE_BYTES:
        return Refused(name=name, error=f"the file is larger than {megabytes(FILE_BYTES)}")
    content = file.file.read()
    if not content:
        return Refused(name=name, error="empty: 0 bytes")
    try:
        pixels, (height, width) = decode_sized(content, side, fit)
    except Unreadable as reason:
        return Refused(name=name, error=str(reason))
    return Picture(name=name, width=width, height=height, pixels=pixels)
