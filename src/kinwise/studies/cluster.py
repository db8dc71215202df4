"""The work of a study on a Ray cluster: each run is a task on whichever machine has room."""

import logging
import os
import shutil
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.files import read_json, write_file
from kinwise.recipes import command_of
from kinwise.run_folder import DONE, finish_folder, new_folder, partial_of
from kinwise.studies.work import STUDY, Job, Outcome, Pictures, carry_out

PATIENCE = 120  # seconds for tasks that were told to stop


def run_on_cluster(
    jobs: Sequence[Job],
    address: str,
    mark: str,
    *,
    workers: int = 1,
    images: Images | None = None,
    data_dir: Path | None = None,
) -> Generator[Outcome]:
    """Do all jobs on a Ray cluster, and say of each what came of it as soon as it is known.

    A task takes the processors of the smallest machine divided by ``workers``, and as many threads (by Ray's
    OMP_NUM_THREADS, unless that is set already), and a GPU where the cluster has any.
    Every machine needs the same version of kinwise, and finds data sets in its own data folder. One that sees the
    study's folder, known by the ``mark`` in its study.json, works there, so that what is broken off can go on. From
    any other the complete run is sent here when it is done, and what is broken off there begins anew.

    Args:
        jobs: in this order.
        address: of the cluster, or "local" to start one on this machine.
        mark: what study.json says beside the runs.
        workers: how many runs at a time on each machine.
        images: the pictures; without them, those that each config names are loaded.
        data_dir: where data sets are kept, on every machine.

    Raises:
        InputError: when Ray is not installed, or there is no cluster at the address.
    """
    ray = _connected(address)
    under_way: dict[Any, Job] = {}
    try:
        processors, gpus = _share(ray, workers)
        task = ray.remote(max_retries=0, num_cpus=processors, num_gpus=gpus)(train_on_machine)
        given = None if images is None else ray.put(images)
        for job in jobs:
            here = replace(job, folder=job.folder.resolve())
            under_way[task.remote(here, given, data_dir, mark)] = job
        while under_way:
            (done, *_), _ = ray.wait(list(under_way), num_returns=1)
            job = under_way.pop(done)
            try:
                outcome, files = ray.get(done)
                _receive(files, job.folder)
                yield outcome or Outcome(name=job.name, trouble="the task was stopped", ours=True)
            except ray.exceptions.RayError as error:
                yield Outcome(name=job.name, trouble=f"the task was lost: {error}", ours=True)
    finally:
        for left in under_way:
            ray.cancel(left)
        if under_way:
            ray.wait(list(under_way), num_returns=len(under_way), timeout=PATIENCE)
        ray.shutdown()


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError('--cluster needs Ray: pip install "kinwise[cluster]"') from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray started here tells nobody
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise InputError(f"no Ray cluster at {address!r}: {error}") from error
    return ray


def _share(ray: Any, workers: int) -> tuple[int, int]:
    """The processors and GPUs of one task."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    smallest = min((machine["CPU"] for machine in machines), default=1)
    return max(1, int(smallest) // workers), int("GPU" in ray.cluster_resources())


def _receive(files: dict[str, bytes], folder: Path) -> None:
    """Write a run that came from another machine, its last file last; what was broken off here before gives way."""
    if not files:
        return
    if partial_of(folder).exists():
        shutil.rmtree(partial_of(folder))
    partial = new_folder(folder)
    for name in sorted(files, key=lambda name: name == DONE):
        write_file(partial / name, lambda path, content=files[name]: path.write_bytes(content))  # type: ignore[misc]
    finish_folder(partial)


# --- on a machine of the cluster ------------------------------------------------------------------------------------


def train_on_machine(
    job: Job, images: Images | None, data_dir: Path | None, mark: str
) -> tuple[Outcome | None, dict[str, bytes]]:
    """Do a job on the machine where this is called, in the study's folder where that can be seen.

    Returns:
        What came of it, None when it was stopped; and the files of a complete run that the study's folder lacks.
    """
    pictures = _kept(data_dir) if images is None else Pictures(images)
    if _sees(job.folder.parents[1], mark):
        return carry_out(job, pictures), {}
    with TemporaryDirectory() as folder:
        here = replace(job, folder=Path(folder) / job.folder.name)
        outcome = carry_out(here, pictures, command=command_of(job.config, job.folder))
        return outcome, {path.name: path.read_bytes() for path in here.folder.glob("*")}


@lru_cache(maxsize=1)
def _kept(data_dir: Path | None) -> Pictures:
    """The pictures that stay in this process from one task to the next."""
    return Pictures(data_dir=data_dir)


def _sees(folder: Path, mark: str) -> bool:
    try:
        return read_json(folder / STUDY).get("mark") == mark
    except InputError:
        return False
