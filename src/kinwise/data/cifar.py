"""CIFAR-100 from its official files: used where found, downloaded where absent, checked before they are opened."""

import os
import pickle
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kinwise.data.download import DownloadError, download, md5_of
from kinwise.data.images import Images
from kinwise.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the official files come from and how to know them.

    Attributes:
        url: of the archive.
        size: of the archive, in bytes.
        md5: of the archive.
        folder: the folder inside the archive, and inside the data folder.
        files: the md5 of each file in that folder.
    """

    url: str
    size: int
    md5: str
    folder: str
    files: Mapping[str, str]


OFFICIAL = Source(
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    size=169_001_437,
    md5="eb9058c3a382ffc7106e4002c42a8d85",
    folder="cifar-100-python",
    files={
        "meta": "7973b15100ade9c7d40fb424638fde48",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "train": "16019d7e3df5f24257cddd939b257f8d",
    },
)


def cifar100(data_dir: Path, source: Source = OFFICIAL) -> Images:
    """CIFAR-100 (Krizhevsky, 2009): 60,000 colour pictures of 32x32, 100 classes, 50,000 of them for training.

    The training pictures come first, each part in the order of its file; ids are "train/<file name>". The tree is
    the built-in ``cifar100``, its classes numbered as in the official files.

    Args:
        data_dir: the folder that holds, or is to hold, ``cifar-100-python/``.
        source: where the files come from.

    Raises:
        InputError: when a file is damaged, or absent and not to be had.
    """
    from kinwise.taxonomy import built_in

    folder = data_dir / source.folder
    if not _complete(folder, source):
        _fetch(data_dir, source)
    meta = _read(folder / "meta", source)
    names = [name.decode() for name in meta[b"fine_label_names"]]
    pictures = {part: _read(folder / part, source) for part in ("train", "test")}
    return Images(
        pixels=np.concatenate([part[b"data"].reshape(-1, 3, 32, 32) for part in pictures.values()]),
        labels=np.concatenate([np.array(part[b"fine_labels"], dtype=np.int64) for part in pictures.values()]),
        ids=np.array([f"{name}/{file.decode()}" for name, part in pictures.items() for file in part[b"filenames"]]),
        parts=np.repeat(list(pictures), [len(part[b"fine_labels"]) for part in pictures.values()]),
        hierarchy=built_in("cifar100").with_class_order(names),
        name="cifar100",
    )


def _complete(folder: Path, source: Source) -> bool:
    return all(os.path.isfile(folder / name) for name in source.files)


# --- getting the files ---------------------------------------------------------------------------------------------


def _fetch(data_dir: Path, source: Source) -> None:
    """Put the files that are absent into ``data_dir``: from an archive that lies there, else from the network."""
    archive = data_dir / f"{source.folder}.tar.gz"
    if os.path.isfile(archive):
        if (got := md5_of(archive)) != source.md5:
            raise InputError(
                f"{archive} is damaged or no official archive (md5 {got}, expected {source.md5}); "
                f"delete it to have it downloaded, or replace it by {source.url}"
            )
        _unpack(archive, data_dir, source)
        return
    part = archive.with_name(f"{archive.name}.part")
    try:
        download(source.url, part, size=source.size, md5=source.md5)
    except DownloadError as error:
        raise InputError(_by_hand(data_dir, source, str(error))) from error
    _unpack(part, data_dir, source)
    part.unlink()


def _unpack(archive: Path, data_dir: Path, source: Source) -> None:
    """Unpack under a temporary name, then move what is absent to its place; what is there stays as it is."""
    folder = data_dir / source.folder
    try:
        with tempfile.TemporaryDirectory(prefix=f".{source.folder}-", dir=data_dir) as temporary:
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")
            folder.mkdir(exist_ok=True)
            for name in source.files:
                if not (folder / name).exists():
                    (Path(temporary) / source.folder / name).replace(folder / name)
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"cannot unpack {archive} into {data_dir}: {error}") from error


def _by_hand(data_dir: Path, source: Source, reason: str) -> str:
    folder = data_dir / source.folder
    *names, last = (str(folder / name) for name in sorted(source.files))
    return (
        f"CIFAR-100 is not in {folder} and could not be downloaded from {source.url} ({reason}). "
        f"Run the command again to go on with the download; or put the archive into {data_dir}, or its files at "
        f"{', '.join(names)} and {last}; or name the folder that holds {source.folder}/ with --data-dir or KINWISE_DATA"
    )


# --- reading the files ---------------------------------------------------------------------------------------------


def _read(path: Path, source: Source) -> dict[bytes, Any]:
    """What an official file holds; a file with the wrong md5 is never unpickled."""
    try:
        got = md5_of(path)
        if got != source.files[path.name]:
            raise InputError(
                f"{path} is damaged: its md5 is {got}, the official file has {source.files[path.name]}; "
                f"delete it to have it downloaded again"
            )
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


class _PlainUnpickler(pickle.Unpickler):
    """Reads plain containers and numpy arrays, and refuses everything else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        """Only what a pickled array names."""
        try:
            return _ALLOWED[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise pickle.UnpicklingError(f"a data file may not name {module}.{name}") from None


def _empty_array(kind: type[np.ndarray], shape: tuple[int, ...], _: object) -> np.ndarray:
    """An array for the unpickler to fill; it sets shape and type afterwards."""
    return np.ndarray.__new__(kind, shape, np.uint8)


def _data_type(code: bytes | str, *_: object) -> np.dtype[Any]:
    return np.dtype(code.decode() if isinstance(code, bytes) else code)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _data_type,
}
