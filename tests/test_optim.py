"""Optimisers: the orthogonal update against the singular value decomposition, Muon against numpy, the schedule."""

from copy import deepcopy
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kinwise.config import Config
from kinwise.learn.backbones import backbone
from kinwise.learn.optim import (
    QUINTIC,
    SGD,
    Adam,
    Muon,
    filters_and_rest,
    optimisers,
    orthogonal_filters,
    orthogonalise,
)

SHAPES = [(6, 6), (4, 11), (11, 4), (1, 5), (5, 1)]


def one_step(s: np.ndarray) -> np.ndarray:
    """What a Newton-Schulz step does to singular values: a s + b s^3 + c s^5."""
    a, b, c = QUINTIC
    return a * s + b * s**3 + c * s**5


def by_decomposition(matrix: np.ndarray, steps: int) -> np.ndarray:
    """U f(f(...f(S / |S|))) V', float64."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    moved = reduce(lambda values, _: one_step(values), range(steps), s / np.linalg.norm(s))
    return u * moved @ v


def by_plain_iteration(matrix: np.ndarray, steps: int) -> np.ndarray:
    """X <- aX + (bA + cA^2)X with A = XX', as it is written down."""
    a, b, c = QUINTIC
    x = matrix / np.linalg.norm(matrix)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_orthogonalise_moves_singular_values_and_keeps_singular_vectors(shape: tuple[int, int], steps: int) -> None:
    matrix = np.random.default_rng(steps).normal(size=shape)
    found = orthogonalise(torch.tensor(matrix), steps).numpy()
    np.testing.assert_allclose(found, by_decomposition(matrix, steps), atol=1e-12)
    np.testing.assert_allclose(found, by_plain_iteration(matrix, steps), atol=1e-12)


@settings(max_examples=50)
@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_orthogonalise_brings_singular_values_near_1(rows: int, columns: int, seed: int, scale: float) -> None:
    generator = np.random.default_rng(seed)
    small = min(rows, columns)
    u = np.linalg.qr(generator.normal(size=(rows, small)))[0]
    v = np.linalg.qr(generator.normal(size=(columns, small)))[0]
    matrix = scale * (u * generator.uniform(0.4, 1, small)) @ v.T
    found = orthogonalise(torch.tensor(matrix, dtype=torch.float32)).numpy()
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_orthogonalise_turns_with_its_matrix() -> None:
    matrix = torch.tensor(np.random.default_rng(0).normal(size=(5, 9)))
    np.testing.assert_allclose(orthogonalise(matrix.T), orthogonalise(matrix).T, atol=1e-12)
    np.testing.assert_allclose(orthogonalise(matrix * 1e6), orthogonalise(matrix), atol=1e-12)


def test_orthogonalise_leaves_zero_alone() -> None:
    assert not orthogonalise(torch.zeros(3, 4)).any()


def test_filters_are_the_rows_in_either_memory_order() -> None:
    gradient = torch.tensor(np.random.default_rng(0).normal(size=(4, 3, 2, 2)))
    expected = by_decomposition(gradient.reshape(4, 12).numpy(), 3).reshape(4, 3, 2, 2)
    for order in (torch.contiguous_format, torch.channels_last):
        found = orthogonal_filters(gradient.contiguous(memory_format=order), 3)
        np.testing.assert_allclose(found, expected, atol=1e-12)


# --- Muon ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 2, 3, 3), (9, 2, 1, 2)], ids=["wide", "tall"])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
def test_three_muon_steps_equal_those_of_numpy(shape: tuple[int, ...], order: torch.memory_format) -> None:
    generator = np.random.default_rng(0)
    weights, gradients = generator.normal(size=shape), generator.normal(size=(3, *shape))
    rates, momentum = (0.3, 0.2, 0.1), 0.6

    parameter = nn.Parameter(torch.tensor(weights).contiguous(memory_format=order))
    optimiser = Muon([parameter], lr=0.0, momentum=momentum)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimiser.param_groups[0]["lr"] = rate
        parameter.grad = torch.tensor(gradient).contiguous(memory_format=order)
        optimiser.step()

    w, m = weights.reshape(shape[0], -1), np.zeros((shape[0], weights[0].size))
    for gradient, rate in zip(gradients.reshape(3, shape[0], -1), rates, strict=True):
        m = momentum * m + gradient
        w = w * np.sqrt(shape[0]) / np.linalg.norm(w) - rate * by_decomposition(gradient + momentum * m, 3)
    np.testing.assert_allclose(parameter.detach(), w.reshape(shape), atol=1e-10)


def test_muon_resumes_from_its_state() -> None:
    gradients = torch.randn(4, 3, 2, 2, 2, generator=torch.Generator().manual_seed(0))

    def stepped(parameter: nn.Parameter, optimiser: Muon, gradients: torch.Tensor) -> None:
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimiser.step()

    first = nn.Parameter(torch.ones(3, 2, 2, 2))
    optimiser = Muon([first], lr=0.1, momentum=0.5)
    stepped(first, optimiser, gradients[:2])
    second = nn.Parameter(first.detach().clone())
    resumed = Muon([second], lr=0.7, momentum=0.9)
    resumed.load_state_dict(deepcopy(optimiser.state_dict()))
    stepped(first, optimiser, gradients[2:])
    stepped(second, resumed, gradients[2:])
    assert torch.equal(first, second)


def test_muon_leaves_filters_without_a_gradient_alone() -> None:
    parameter = nn.Parameter(torch.ones(2, 1, 2, 2))
    Muon([parameter], lr=1.0, momentum=0.5).step()
    assert torch.equal(parameter.detach(), torch.ones(2, 1, 2, 2))


# --- who is trained how ----------------------------------------------------------------------------------------------


def test_filters_and_all_else() -> None:
    frozen = nn.Conv2d(3, 4, 2).requires_grad_(False)
    convolution, norm, linear = nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.Linear(5, 2)
    filters, rest = filters_and_rest(nn.Sequential(frozen, convolution, norm, linear))
    assert [id(each) for each in filters] == [id(convolution.weight)]
    expected = [convolution.bias, norm.weight, norm.bias, linear.weight, linear.bias]
    assert [id(each) for each in rest] == [id(each) for each in expected]


def decayed_shapes(*changes: str) -> tuple[list[type], list[tuple[int, ...]]]:
    """The optimisers of a network with filters, dense layers and a head, and the shapes of the weights that decay."""
    config = Config(network="double-conv", widths=(), weight_decay=0.1).changed(changes)
    below = backbone(config, 3)
    found = optimisers(below, nn.Linear(512, 10), config)
    groups = [group for optimiser in found for group in optimiser.param_groups]
    held = [id(weight) for group in groups for weight in group["params"]]
    assert len(held) == len(set(held)) == len(list(below.parameters())) + 2, "every weight is in one group"
    shapes = [tuple(weight.shape) for group in groups if group.get("weight_decay") for weight in group["params"]]
    return [type(optimiser) for optimiser in found], shapes


def test_who_decays() -> None:
    dense, head = [(1024, 4096), (512, 1024)], [(10, 512)]
    assert decayed_shapes() == ([Muon, SGD], head)
    assert decayed_shapes("decayed=dense", "optimiser=adam") == ([Adam], dense)
    assert decayed_shapes("decayed=all") == ([Muon, SGD], [*dense, *head])  # Muon keeps its filters' norm
    kinds, shapes = decayed_shapes("decayed=all", "optimiser=sgd")
    assert kinds == [SGD]
    assert sorted(len(shape) for shape in shapes) == [2, 2, 2, 4, 4, 4, 4, 4, 4]


def test_momentum_and_rates_go_where_the_config_says() -> None:
    config = Config(learning_rate=0.2, momentum=0.8, other_learning_rate=0.5, freeze=(0.25,))
    below, head = backbone(config, 3), nn.Linear(384, 10)
    muon, others = optimisers(below, head, config)
    assert {(group["peak"], group["momentum"]) for group in muon.param_groups} == {(0.2, 0.8)}
    assert {(group["peak"], group["momentum"]) for group in others.param_groups} == {(0.5, 0.9)}
    (stem,) = [group for group in others.param_groups if any(one is below.stem.bias for one in group["params"])]
    assert stem["end"] == 0.25
    (adam,) = optimisers(below, head, config.changed(["optimiser=adam"]))
    assert {(group["peak"], group["betas"]) for group in adam.param_groups} == {(0.2, (0.8, 0.999))}
    (plain,) = optimisers(below, head, config.changed(["optimiser=sgd", "momentum=0"]))
    assert {(group["peak"], group["momentum"], group["nesterov"]) for group in plain.param_groups} == {(0.2, 0, False)}


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [(SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}), (Adam, torch.optim.Adam, {"betas": (0.8, 0.999)})],
)
def test_unwrapped_optimisers_do_what_those_of_torch_do(
    ours: type[torch.optim.Optimizer], theirs: type[torch.optim.Optimizer], options: dict[str, Any]
) -> None:
    def stepped(kind: type[torch.optim.Optimizer]) -> list[torch.Tensor]:
        weights = [nn.Parameter(torch.linspace(-1, 1, 6).view(2, 3)), nn.Parameter(torch.ones(3))]
        optimiser = kind([{"params": weights[:1], "weight_decay": 0.1}, {"params": weights[1:]}], lr=0.1, **options)
        for step in range(4):
            if step == 2:
                saved = deepcopy(optimiser.state_dict())
                optimiser = kind([{"params": weights[:1]}, {"params": weights[1:]}], lr=1.0, **options)
                optimiser.load_state_dict(saved)
            sum((weight**3).sum() for weight in weights).backward()  # type: ignore[union-attr]
            optimiser.step()
            optimiser.zero_grad()
            assert all(weight.grad is None for weight in weights)
        return [weight.detach() for weight in weights]

    assert all(torch.equal(a, b) for a, b in zip(stepped(ours), stepped(theirs), strict=True))
