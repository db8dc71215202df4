"""Config: to and from JSON, ``key=value`` texts, and what each key refuses."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise.config import Config
from kinwise.errors import InputError

KEYS = [field.name for field in fields(Config)]
words = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=" /.-_=,"), min_size=1).map(
    str.strip
)
shares = st.floats(0, 1, exclude_max=True)
amounts = st.floats(0, 1e6)


@st.composite
def resolutions(draw: st.DrawFn) -> tuple[tuple[int, float], ...]:
    until = [*sorted(draw(st.lists(shares, max_size=3))), 1.0]
    return tuple((draw(st.integers(16, 512)), share) for share in until)


configs = st.builds(
    Config,
    recipe=words,
    data=words,
    network=words,
    loss=words,
    split=st.sampled_from(["official", "70:30", "80:20", "90:10"]),
    validation=shares,
    near_duplicates=st.sampled_from(["together", "apart"]),
    normalisation=st.sampled_from(["channel", "unit"]),
    sampler=st.sampled_from(["shuffle", "balanced"]),
    dropout=shares,
    optimiser=st.sampled_from(["muon", "adam", "sgd"]),
    decayed=st.sampled_from(["head", "dense", "all"]),
    schedule=st.sampled_from(["linear", "cosine", "one-cycle", "constant", "exponential", "plateau"]),
    learning_rate_decay=st.floats(0, 1, exclude_min=True),
    patience=st.integers(0, 100),
    early_stopping=st.integers(0, 100),
    freeze=st.lists(st.floats(0, 1, exclude_min=True), max_size=4).map(lambda ends: tuple(sorted(ends))),
    widths=st.just(()) | st.tuples(*[st.integers(1, 100).map(lambda eighth: 8 * eighth)] * 3),
    level_weights=st.lists(amounts, max_size=5).map(tuple),
    severity_factors=st.lists(amounts, max_size=5).map(tuple),
    label_smoothing=shares,
    epochs=st.floats(0, 1000, exclude_min=True),
    batch=st.integers(1, 10**6),
    resolutions=resolutions(),
    learning_rate=amounts,
    momentum=shares,
    other_learning_rate=amounts,
    weight_decay=amounts,
    warmup=shares,
    translate=st.integers(0, 16),
    flip=st.sampled_from(["alternating", "random", "none"]),
    seed=st.integers(0, 2**31 - 1),
    device=st.sampled_from(["auto", "cpu", "cuda", "mps"]),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
)


@given(configs)
def test_json_and_back_is_the_identity(config: Config) -> None:
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@given(configs)
def test_text_and_back_is_the_identity(config: Config) -> None:
    texts = [f"{key}={config.text_of(key)}" for key in KEYS]
    assert Config().changed(texts) == config


def test_a_key_left_out_has_its_default() -> None:
    assert Config.from_dict({"seed": 3}) == replace(Config(), seed=3)


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("loss=flat", "loss", "flat"),
        ("widths=24,96,288", "widths", (24, 96, 288)),
        ("level_weights=0.5, 1", "level_weights", (0.5, 1.0)),
        ("level_weights=", "level_weights", ()),
        ("resolutions=16:0.5,32:1", "resolutions", ((16, 0.5), (32, 1.0))),
        ("learning-rate=1e-2", "learning_rate", 0.01),
        (" seed = 7 ", "seed", 7),
        ("epochs=2", "epochs", 2.0),
        ("widths=", "widths", ()),
        ("freeze=.3,.6", "freeze", (0.3, 0.6)),
        ("split=70:30", "split", "70:30"),
        ("data=a=b", "data", "a=b"),
        ("data=photos ", "data", "photos "),
        ("hierarchy=my tree.csv ", "hierarchy", "my tree.csv "),
        ("loss= flat ", "loss", "flat"),
    ],
)
def test_a_text_changes_one_key(assignment: str, key: str, value: object) -> None:
    assert Config().changed([assignment]).to_dict() == Config().to_dict() | {key: value}


def test_the_last_of_several_texts_counts() -> None:
    assert Config().changed(["seed=1", "batch=8", "seed=2"]) == replace(Config(), seed=2, batch=8)


WRONG = [
    # text, and what the message must name beside the key: what was got and what was expected
    ("epochs=many", ["'many'", "a number"]),
    ("epochs=0", ["0.0", "above 0"]),
    ("epochs=inf", ["inf", "above 0"]),
    ("epochs=nan", ["nan", "above 0"]),
    ("batch=12.5", ["'12.5'", "a whole number"]),
    ("batch=", ["''", "a whole number"]),
    ("batch=0", ["0", "at least 1"]),
    ("batch=-4", ["-4", "at least 1"]),
    ("size=8", ["8", "0 or 16..1024"]),
    ("size=1025", ["1025", "0 or 16..1024"]),
    ("explained=-5", ["-5", "at least 0"]),
    ("seed=-1", ["-1", "0..2147483647"]),
    ("seed=2147483648", ["2147483648", "0..2147483647"]),
    ("translate=17", ["17", "0..16"]),
    ("validation=1", ["1.0", "[0, 1)"]),
    ("validation=-0.1", ["-0.1", "[0, 1)"]),
    ("label_smoothing=1", ["1.0", "[0, 1)"]),
    ("warmup=1", ["1.0", "[0, 1)"]),
    ("momentum=1.5", ["1.5", "[0, 1)"]),
    ("dropout=1", ["1.0", "[0, 1)"]),
    ("learning_rate_decay=0", ["0.0", "(0, 1]"]),
    ("learning_rate_decay=1.1", ["1.1", "(0, 1]"]),
    ("patience=-1", ["-1", "at least 0"]),
    ("early_stopping=-1", ["-1", "at least 0"]),
    ("early_stopping=1.5", ["'1.5'", "a whole number"]),
    ("learning_rate=-1", ["-1.0", "at least 0 and finite"]),
    ("other_learning_rate=inf", ["inf", "at least 0 and finite"]),
    ("weight_decay=nan", ["nan", "at least 0 and finite"]),
    ("level_weights=1,a", ["'1,a'", "numbers separated by commas"]),
    ("level_weights=1,-2", ["-2.0", "at least 0 and finite"]),
    ("severity_factors=1,inf", ["inf", "at least 0 and finite"]),
    ("widths=8,16", ["8,16", "three multiples of 8"]),
    ("widths=8,16,20", ["8,16,20", "three multiples of 8"]),
    ("widths=0,8,8", ["0,8,8", "three multiples of 8"]),
    ("widths=8,16,b", ["'8,16,b'", "numbers separated by commas"]),
    ("resolutions=32", ["'32'", "size:until pairs"]),
    ("resolutions=", ["''", "size:until pairs"]),
    ("resolutions=20:x", ["'20:x'", "size:until pairs"]),
    ("resolutions=8:1", ["8:1.0", "sizes of 16 or more"]),
    ("resolutions=20:0.5", ["20:0.5", "shares rising to 1"]),
    ("resolutions=20:0.8,24:0.5,32:1", ["20:0.8,24:0.5,32:1.0", "shares rising to 1"]),
    ("resolutions=20:nan,32:1", ["20:nan,32:1.0", "shares rising to 1"]),
    ("resolutions=20:-1,32:1", ["20:-1.0,32:1.0", "shares rising to 1"]),
    ("split=60:40", ["'60:40'", "official, 70:30, 80:20, 90:10"]),
    ("sampler=", ["''", "shuffle, balanced"]),
    ("near_duplicates=never", ["'never'", "together, apart"]),
    ("normalisation=none", ["'none'", "channel, unit"]),
    ("optimiser=adamw", ["'adamw'", "muon, adam, sgd"]),
    ("decayed=", ["''", "head, dense, all"]),
    ("schedule=step", ["'step'", "linear, cosine, one-cycle, constant, exponential, plateau"]),
    ("flip=Random", ["'Random'", "alternating, random, none"]),
    ("device=gpu", ["'gpu'", "auto, cpu, cuda, mps"]),
    ("precision=float16", ["'float16'", "auto, float32, bfloat16"]),
]


@pytest.mark.parametrize(("text", "parts"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_value_is_refused_with_key_got_and_expected(text: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Config().changed([text])
    message = str(caught.value)
    assert message.startswith(text.partition("=")[0] + ":")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_an_unknown_key_names_the_closest_and_all() -> None:
    with pytest.raises(InputError, match=r"unknown key 'learning_rat'; did you mean learning_rate\? The keys are: .*"):
        Config().changed(["learning_rat=1"])
    with pytest.raises(InputError, match=r"unknown key 'xyz'\. The keys are: recipe, .*, precision$"):
        Config().changed(["xyz=1"])
    with pytest.raises(InputError, match="unknown key 'epoch'; did you mean epochs"):
        Config.from_dict({"epoch": 1})


def test_an_assignment_needs_an_equals_sign() -> None:
    with pytest.raises(InputError, match="--set takes key=value, got 'seed'"):
        Config().changed(["seed"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "1"),
        ("seed", 1.0),
        ("seed", True),
        ("seed", None),
        ("epochs", "6"),
        ("epochs", False),
        ("loss", 3),
        ("flip", ["none"]),
        ("widths", 32),
        ("widths", [8, 16, "24"]),
        ("widths", [8, 16, 24.0]),
        ("level_weights", [1, True]),
        ("severity_factors", {"0": 1}),
        ("resolutions", [32, 1]),
        ("resolutions", [[32, 1, 1]]),
        ("resolutions", [["32", 1]]),
    ],
)
def test_a_value_of_another_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"^{key}: expected .*, got "):
        Config.from_dict({key: value})


def test_a_whole_number_may_stand_for_a_number() -> None:
    config = Config.from_dict({"epochs": 3, "level_weights": [0, 1], "resolutions": [[32, 1]]})
    assert (config.epochs, config.level_weights, config.resolutions) == (3.0, (0, 1), ((32, 1),))
