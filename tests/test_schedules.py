"""Schedules: numbers worked out by hand, and torch's own schedulers as oracles."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from kinwise.config import Config
from kinwise.learn.schedules import SCHEDULES, Moment, epochs_since_best, learning_rate_share, plateaus

losses = st.lists(st.floats(0.01, 10), max_size=30)


def config(schedule: str, **others: float) -> Config:
    return Config().changed([f"schedule={schedule}", "warmup=0", *(f"{key}={value}" for key, value in others.items())])


def shares(schedule: str, *progresses: float, end: float = 1.0, **others: float) -> list[float]:
    chosen = config(schedule, **others)
    return [learning_rate_share(chosen, Moment(progress=progress, end=end)) for progress in progresses]


def of_torch(schedule: str, steps: int, *, losses: list[float] | None = None, **options: float) -> list[float]:
    """The rates that a torch scheduler gives from a peak of 1, before each step and after the last."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = getattr(lr_scheduler, schedule)(optimiser, **options)
    rates = [optimiser.param_groups[0]["lr"]]
    for step in range(steps):
        optimiser.step()
        scheduler.step(*([losses[step]] if losses is not None else []))
        rates.append(optimiser.param_groups[0]["lr"])
    return rates


def test_linear_by_hand() -> None:
    assert shares("linear", 0, 0.125, 0.25, 0.625, warmup=0.25) == pytest.approx([0, 0.5, 1, 0.5])
    assert shares("linear", 0, 0.25, 0.99) == pytest.approx([1, 0.75, 0.01])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_from_its_end_on_the_rate_is_0(schedule: str) -> None:
    assert shares(schedule, 0.4, 0.5, 0.9, end=0.4) == [0, 0, 0]
    assert shares(schedule, 0.3, end=0.4)[0] > 0


def test_an_earlier_end_falls_faster() -> None:
    assert shares("linear", 0.125, 0.5, 0.74, warmup=0.25, end=0.75) == pytest.approx([0.5, 0.5, 0.02])
    assert shares("cosine", 0.25, 0.5, warmup=0.25, end=0.75) == pytest.approx([1, 0.5])
    assert shares("linear", 0.1, 0.3, warmup=0.5, end=0.25) == [0.2, 0]  # ends before the warm-up does


def test_cosine_as_torch_has_it() -> None:
    steps = 20
    found = shares("cosine", *(step / steps for step in range(steps)))
    assert found == pytest.approx(of_torch("CosineAnnealingLR", steps, T_max=steps)[:-1], abs=1e-9)


@pytest.mark.parametrize("warmup", [0.25, 0.3, 0.5])
def test_one_cycle_as_torch_has_it(warmup: float) -> None:
    steps = 40  # torch places its peak at step 40 * warmup - 1 and its end at the last step
    expected = of_torch("OneCycleLR", steps - 1, max_lr=1.0, total_steps=steps, pct_start=warmup)
    rise, last = steps * warmup - 1, steps - 1
    for step, rate in enumerate(expected):
        done = step / rise * warmup if step < rise else warmup + (step - rise) / (last - rise) * (1 - warmup)
        assert shares("one-cycle", min(done, 1 - 1e-12), warmup=warmup) == pytest.approx([rate], abs=1e-6)


def test_exponential_as_torch_has_it() -> None:
    chosen = config("exponential", learning_rate_decay=0.9)
    found = [learning_rate_share(chosen, Moment(progress=0.5, epoch=epoch)) for epoch in range(5)]
    assert found == pytest.approx(of_torch("ExponentialLR", 4, gamma=0.9))
    assert learning_rate_share(chosen, Moment(progress=0.5, epoch=0.5)) == pytest.approx(0.9**0.5)


def test_constant_stays() -> None:
    assert shares("constant", 0, 0.5, 0.99) == [1, 1, 1]


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "one-cycle"])
def test_all_but_one_cycle_warm_up_in_a_straight_line(schedule: str) -> None:
    assert shares(schedule, 0, 0.05, 0.1, warmup=0.2) == pytest.approx([0, 0.25, 0.5])


def test_plateau_by_hand() -> None:
    #                 best  best  1    2    3 = patience + 1: the first; 1    best; 1
    assert plateaus([3.0, 2.0, 2.0, 2.1, 2.05, 2.0, 1.5, 1.6], patience=2) == 1
    chosen = config("plateau", learning_rate_decay=0.5, patience=0)
    assert learning_rate_share(chosen, Moment(progress=0.5, losses=[1.0, 1.0, 1.0])) == 0.25


@given(losses=losses, patience=st.integers(0, 4))
def test_plateau_as_torch_has_it(losses: list[float], patience: int) -> None:
    options = {"factor": 0.5, "patience": patience, "eps": 0.0}
    rate = of_torch("ReduceLROnPlateau", len(losses), losses=losses, **options)[-1]
    chosen = config("plateau", learning_rate_decay=0.5, patience=patience)
    assert learning_rate_share(chosen, Moment(progress=0.5, losses=losses)) == pytest.approx(rate)


@pytest.mark.parametrize(("losses", "since"), [([], 0), ([1.0], 0), ([3.0, 1.0, 2.0, 1.0], 2), ([3.0, 2.0, 1.0], 0)])
def test_epochs_since_the_first_lowest_loss(losses: list[float], since: int) -> None:
    assert epochs_since_best(losses) == since


@given(
    st.sampled_from(list(SCHEDULES)), st.floats(0, 1, exclude_max=True), st.floats(0, 0.98), st.floats(0.01, 1), losses
)
def test_the_share_stays_between_0_and_1(
    schedule: str, progress: float, warmup: float, end: float, losses: list[float]
) -> None:
    chosen = config(schedule, learning_rate_decay=0.7).changed([f"warmup={warmup}"])
    moment = Moment(progress=progress, end=end, epoch=10 * progress, losses=losses)
    assert 0 <= learning_rate_share(chosen, moment) <= 1
