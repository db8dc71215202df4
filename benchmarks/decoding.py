"""How fast picture files are decoded, how long a second start takes, and how much memory a cache of 10 GB needs.

    python benchmarks/decoding.py [--files 2000] [--repeats 3] [--gigabytes 10] [--folder DIR]

Writes ``decoding.json``. The files are drawn: 400x533 JPEGs of quality 90, as large as photographs of that size. Beside
the speed of one core stands Pillow's usual way in the same run, ``Image.open(...).convert("RGB").resize(...)``. What is
written into ``--folder``, or where the system keeps temporary files, is removed.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, summary, write
from PIL import Image

from kinwise.data.folder.cache import kept_pixels
from kinwise.data.folder.decode import decode
from kinwise.data.rows import Rows

WIDTH, HEIGHT, SIDE, BATCH = 400, 533, 64, 128
DIFFERENT = 40
READ, STARTED = "--read-cache", "--start"


def photograph(seed: int) -> bytes:
    """A JPEG with soft colours, edges and some noise: 70 to 110 KB, as photographs of this size have."""
    draw = np.random.default_rng(seed)
    pixels = np.full((HEIGHT, WIDTH, 3), 128, np.float32)
    for cells, strength in ((6, 70), (30, 35), (160, 18)):
        coarse = draw.normal(0, strength, (cells * HEIGHT // WIDTH, cells, 3)).clip(-128, 127) + 128
        large = Image.fromarray(coarse.astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        pixels += np.asarray(large, np.float32) - 128
    pixels += draw.normal(0, 4, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def peer(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize((SIDE, SIDE))).transpose(2, 0, 1)


def per_second(work: Callable[[bytes], object], contents: Sequence[bytes]) -> tuple[float, float]:
    """Pictures a second of time passed, and of the processor's time, on one core."""
    started, used = time.perf_counter(), time.process_time()
    for content in contents:
        work(content)
    return len(contents) / (time.perf_counter() - started), len(contents) / (time.process_time() - used)


def one_core(contents: Sequence[bytes], repeats: int) -> dict[str, Any]:
    ways = {"kinwise": lambda content: decode(content, SIDE), "pillow": peer}
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():  # in turns, so that both see the same machine
            speeds[name].append(per_second(work, contents))
    return {
        name: {
            "pictures_per_second": summary([passed for passed, _ in found]),
            "pictures_per_processor_second": summary([used for _, used in found]),
        }
        for name, found in speeds.items()
    }


def all_cores(folder: Path, contents: Sequence[bytes], count: int, repeats: int) -> dict[str, Any]:
    files = folder / "files"
    files.mkdir()
    for at in range(count):  # a JPEG may be followed by anything: all files differ
        (files / f"{at}.jpg").write_bytes(contents[at % len(contents)] + str(at).encode())
    time.sleep(3)  # younger files are read again by the next start
    paths, seconds, used, second = sorted(files.iterdir()), [], [], []
    for _ in range(repeats):
        shutil.rmtree(folder / "pictures", ignore_errors=True)
        started, used_before = time.perf_counter(), time.process_time()
        kept_pixels(paths, folder=folder, side=SIDE)
        seconds.append(time.perf_counter() - started)
        used.append(time.process_time() - used_before)
        second.append(measured_apart(STARTED, folder)["seconds"])
    return {
        "files": count,
        "seconds": summary(seconds),
        "pictures_per_second": summary([count / one for one in seconds]),
        "pictures_per_processor_second": summary([count / one for one in used]),
        "second_start_seconds": summary(second),
    }


def start_again(folder: Path) -> dict[str, float]:
    """In a process of its own: how long it takes until the pictures of files that are known can be used."""
    started = time.perf_counter()
    kept_pixels(sorted((folder / "files").iterdir()), folder=folder, side=SIDE)
    return {"seconds": time.perf_counter() - started}


def large_cache(folder: Path, gigabytes: float) -> dict[str, Any]:
    """Read a cache that is larger than memory ought to be, all of it once, in random batches, in another process."""
    size = 3 * SIDE**2
    count = int(gigabytes * 1e9) // size
    if shutil.disk_usage(folder).free < 1.2 * count * size:
        return {"skipped": f"no room for {gigabytes} GB in {folder}"}
    path, block = folder / "large.uint8", np.random.default_rng(0).integers(0, 256, (4096, size), dtype=np.uint8)
    with path.open("wb") as file:
        for start in range(0, count, len(block)):
            file.write(block[: count - start].data)
    found = measured_apart(READ, path)
    path.unlink()
    return {"bytes": count * size, "pictures": count, **found}


def read_cache(path: Path) -> dict[str, float]:
    """In a process of its own: one pass over the file, and what this process needed of memory at most."""
    count = path.stat().st_size // (3 * SIDE**2)
    rows = Rows(np.memmap(path, np.uint8, "r", shape=(count, 3, SIDE, SIDE)), np.arange(count))
    order, before, started = np.random.default_rng(1).permutation(count), most_memory(), time.perf_counter()
    for start in range(0, count, BATCH):
        rows[order[start : start + BATCH]]
    seconds = time.perf_counter() - started
    return {
        "peak_resident_bytes": most_memory(),
        "peak_resident_bytes_before": before,
        "pictures_per_second": count / seconds,
    }


def most_memory() -> int:
    """The most memory that was resident at once, in bytes, what is mapped from files included."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measured_apart(what: str, path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, what, str(path)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--folder", type=Path)
    parser.add_argument(READ, type=Path, help=argparse.SUPPRESS)
    parser.add_argument(STARTED, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read_cache or arguments.start:
        print(json.dumps(read_cache(arguments.read_cache) if arguments.read_cache else start_again(arguments.start)))
        return
    contents = [photograph(seed) for seed in range(DIFFERENT)]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        results = {
            "machine": machine(),
            "files": {"width": WIDTH, "height": HEIGHT, "mean_bytes": float(np.mean([len(one) for one in contents]))},
            "side": SIDE,
            "one_core": one_core(contents * 5, arguments.repeats),
            "all_cores": all_cores(Path(name), contents, arguments.files, arguments.repeats),
            "large_cache": large_cache(Path(name), arguments.gigabytes),
        }
    write("decoding", results)


if __name__ == "__main__":
    main()
