"""Weights on disk: one safetensors file that describes itself, and the state to resume from."""

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kinwise.config import Config
from kinwise.data.augment import Statistics
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.learn.network import Network, build


def save_network(path: Path, network: Network, config: Config, hierarchy: Hierarchy) -> None:
    """Write the weights; config, hierarchy, normalisation, size and logit adjustment stand in the file's header."""
    statistics = {"mean": network.statistics.mean, "std": network.statistics.std}
    header = {
        "config": json.dumps(config.to_dict()),
        "hierarchy": json.dumps(hierarchy.to_dict()),
        "statistics": json.dumps(statistics),
        "size": str(network.size),
        "adjustment": json.dumps(network.head.adjustment.tolist()),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, path, metadata=header)


def load_network(path: Path) -> Network:
    """The network that ``save_network`` wrote, on the CPU, ready to predict.

    Raises:
        InputError: when the file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            config = Config.from_dict(json.loads(header["config"]))
            hierarchy = Hierarchy.from_dict(json.loads(header["hierarchy"]))
            statistics = Statistics(**{key: tuple(value) for key, value in json.loads(header["statistics"]).items()})
            network = build(config, hierarchy, statistics, int(header["size"]), config.seed)
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            if "adjustment" in header:
                network.head.adjust(torch.tensor(json.loads(header["adjustment"])))
    except FileNotFoundError as error:
        raise InputError(f"no weights at {path}") from error
    except (SafetensorError, KeyError, OSError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged or holds no kinwise weights ({error})") from error
    return network.eval()


def load_state(path: Path) -> dict[str, Any]:
    """What a training saved to resume from; nothing but tensors and plain values is ever loaded.

    Raises:
        InputError: when the file is missing or damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"no saved state at {path}") from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is damaged; remove the run and train anew") from error
    if not isinstance(state, dict) or "optimisers" not in state:
        raise InputError(f"{path} holds no training state; remove the run and train anew")
    return state
