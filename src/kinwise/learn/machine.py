"""What this machine can do: the device, the precision it is fast in, and its memory settings."""

import ctypes
import os
import platform
import resource
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from kinwise.config import Config
from kinwise.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where to compute and how.

    Attributes:
        device: the device of the network and the pictures.
        dtype: of convolutions and products; weights stay float32.
        reason: why this dtype, for people.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str

    def autocast(self) -> AbstractContextManager[object]:
        """A context in which convolutions and products run in ``dtype``."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def __str__(self) -> str:
        """One line for people: device, precision and why."""
        precision = str(self.dtype).removeprefix("torch.")
        return f"{device_name(self.device)}, {precision} ({self.reason})"


def look_at_machine(config: Config) -> Machine:
    """The device and precision that ``config`` asks for, chosen by looking at the machine where it says auto.

    Raises:
        InputError: when the device asked for is not there.
    """
    device = _device(config.device)
    if config.precision != "auto":
        return Machine(device=device, dtype=getattr(torch, config.precision), reason="as configured")
    dtype, reason = _fast_precision(device)
    return Machine(device=device, dtype=dtype, reason=reason)


def _device(wanted: str) -> torch.device:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise InputError(f"device {wanted} is not available here; there is: {found} (or say auto)")
    if wanted == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device(wanted)


def _fast_precision(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return torch.bfloat16, "the GPU multiplies bfloat16"
        return torch.float32, "the GPU has no bfloat16 units"
    if device.type == "mps":
        return torch.float32, "the safe choice on MPS"
    if platform.machine() in ("x86_64", "AMD64"):
        if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():
            return torch.bfloat16, "the processor multiplies bfloat16"
        return torch.float32, "the processor has no bfloat16 instructions"
    return torch.float32, "no bfloat16 instructions known on this processor"


def device_name(device: torch.device) -> str:
    """What the device is called, with the number of threads for a processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"{_processor()} with {torch.get_num_threads()} threads"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def keep_memory() -> None:
    """Tell glibc's malloc to keep freed blocks: large tensors come and go in every step, and fresh pages cost time.

    Does nothing where there is no glibc.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, mmap_max, arena_max = -1, -4, -8
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(arena_max, 1)


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory used so far: on CUDA what torch allocated there, elsewhere the process's resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
