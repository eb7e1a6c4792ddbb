"""Checkpoints: what is loaded is what was saved, and no crash leaves anything in between."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

import minigrad as mg
from minigrad import checkpoint, nn, optim
from minigrad.errors import ArgumentError, DataError
from tests.helpers import Array

INTEGERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]
SHAPES = [(), (1,), (0,), (3, 0, 2), (2, 3), (1, 2, 3, 4)]


def some(shape: tuple[int, ...], dtype: str = "float32") -> Array:
    return np.random.default_rng(0).normal(0, 50, shape).astype(dtype)


# ---------------------------------------------------------------- what is saved is loaded


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_all_dtypes_and_shapes(tmp_path: Path, dtype: str) -> None:
    with np.errstate(invalid="ignore"):  # negative numbers, which wrap around
        saved = {str(shape): some(shape, dtype) for shape in SHAPES}
    checkpoint.save(tmp_path / "c", {"all": saved})
    parts, facts = checkpoint.load(tmp_path / "c")
    assert (parts.keys(), facts) == ({"all"}, {})
    assert parts["all"].keys() == saved.keys()
    for name, array in saved.items():
        np.testing.assert_array_equal(parts["all"][name], array, strict=True)


def test_arrays_as_they_lie_in_memory(tmp_path: Path) -> None:
    """Transposed, reversed, every second one, of another byte order."""
    matrix = some((3, 4))
    views = {"T": matrix.T, "back": matrix[::-1], "second": matrix[:, ::2], "one": matrix[1, 2]}
    checkpoint.save(tmp_path / "c", {"views": {**views, "big": matrix.astype(">f4")}})
    parts, _ = checkpoint.load(tmp_path / "c")
    for name, array in {**views, "big": matrix}.items():
        np.testing.assert_array_equal(parts["views"][name], array, strict=True)


def test_special_numbers_keep_their_bits(tmp_path: Path) -> None:
    numbers = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, np.finfo("f8").max])
    checkpoint.save(str(tmp_path / "c"), {"p": {"x": numbers}}, loss=float("inf"))
    parts, facts = checkpoint.load(str(tmp_path / "c"))
    assert parts["p"]["x"].tobytes() == numbers.tobytes()
    assert facts == {"loss": float("inf")}


def test_parameters_lists_and_numbers(tmp_path: Path) -> None:
    w = mg.parameter([[1.0, 2.0]], "w")
    checkpoint.save(tmp_path / "c", {"a": {"w": w, "b.c/d é": [1, 2]}, "b": {"": 1.5}, "empty": {}})
    w.set_value([[5.0, 6.0]])  # the file has the values of before
    parts, _ = checkpoint.load(tmp_path / "c")
    assert list(parts) == ["a", "b", "empty"]
    np.testing.assert_array_equal(parts["a"]["w"], np.array([[1, 2]], w.dtype), strict=True)
    assert parts["a"]["b.c/d é"].tolist() == [1, 2]
    assert parts["b"][""].item() == 1.5
    assert parts["empty"] == {}


def test_no_parts_at_all(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", {}, epoch=7)
    assert checkpoint.load(tmp_path / "c") == ({}, {"epoch": 7})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(facts=st.dictionaries(st.sampled_from(["epoch", "losses", "è"]), JSON))
def test_facts(tmp_path_factory: pytest.TempPathFactory, facts: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "facts"
    checkpoint.save(path, {"p": {"x": 1}}, **facts)
    assert checkpoint.load(path)[1] == facts


def test_numbers_of_numpy_are_facts_too(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", {}, loss=np.float32(1.5), steps=[np.int64(3)])
    assert checkpoint.load(tmp_path / "c")[1] == {"loss": 1.5, "steps": [3]}
    with pytest.raises(ArgumentError, match=r"cannot be part of a checkpoint: .* is no JSON"):
        checkpoint.save(tmp_path / "c", {}, net=object())
    assert checkpoint.load(tmp_path / "c")[1] == {"loss": 1.5, "steps": [3]}


def test_the_name_of_a_part_is_without_a_slash(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="the name of a part has no /, and this is 'a/b'"):
        checkpoint.save(tmp_path / "c", {"a/b": {"x": 1}})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("value", [1j, "text", [None]])
def test_arrays_that_no_checkpoint_holds(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"p/x is \S+, which has no place here"):
        checkpoint.save(tmp_path / "c", {"p": {"x": np.array(value)}})
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- the old file or the new one


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("crash", [full, killed])
@pytest.mark.parametrize("at", ["fsync", "replace"])
@pytest.mark.parametrize("there", [False, True])
def test_a_crash_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, crash: Any, there: bool
) -> None:
    path = tmp_path / "c"
    if there:
        checkpoint.save(path, {"p": {"x": some((5,))}}, epoch=1)
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    monkeypatch.setattr(os, at, crash)
    with pytest.raises((OSError, KeyboardInterrupt)):
        checkpoint.save(path, {"p": {"x": some((9,))}}, epoch=2)
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before


# ---------------------------------------------------------------- damage


def written(path: Path) -> None:
    checkpoint.save(path, {"net": {"w": some((2, 3)), "b": some((3,))}}, epoch=3)


def with_metadata(**metadata: str) -> Callable[[Path], object]:
    """A file of another program, or of another version of this one."""
    whole = {"version": "1", "parts": '["p"]', "facts": "{}", **metadata}
    return lambda path: save_file({"p/x": np.ones(2)}, path, {k: v for k, v in whole.items() if v})


def with_dtype(name: str, size: int) -> Callable[[Path], object]:
    """One element of a dtype that NumPy has not."""
    header = {"p/x": {"dtype": name, "shape": [1], "data_offsets": [0, size]}}
    raw = json.dumps(header).encode()
    return lambda path: path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(size))


def missing(path: Path) -> None:
    pass


def cut(path: Path) -> None:
    written(path)
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    written(path)
    path.write_bytes(path.read_bytes() + b"\0")


BAD: list[Any] = [
    (missing, "there is no checkpoint .*c$"),
    (Path.touch, "is damaged"),
    (cut, "is damaged"),
    (longer, "is damaged"),
    (lambda path: path.write_bytes(b"\xff" * 100), "is damaged"),
    (lambda path: path.write_bytes(b"PK\3\4 of another program, a ZIP"), "is damaged"),
    (with_dtype("BF16", 2), "is damaged"),
    (with_dtype("F8_E8M0", 1), "is damaged"),
    (with_metadata(version=""), "no checkpoint that this minigrad reads: it has version None"),
    (with_metadata(version="2"), "it has version '2', and '1' is needed"),
    (with_metadata(parts=""), "is damaged: .*parts"),
    (with_metadata(facts=""), "is damaged: .*facts"),
    (with_metadata(facts="{"), "is damaged"),
    (with_metadata(parts="[]"), "is damaged: .*'p'"),
    (with_metadata(parts='["q"]'), "is damaged: .*'p'"),
    (with_metadata(parts="5"), "is damaged"),
    (with_metadata(parts="[[]]"), "is damaged"),
    (with_metadata(facts="[" * 100_000), "is damaged"),
    (with_metadata(facts="[]"), "is damaged"),
    (Path.mkdir, "c cannot be read: "),
]


@pytest.mark.parametrize(("damage", "message"), BAD)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(tmp_path / "c")
    with pytest.raises(DataError, match=message) as caught:
        checkpoint.load(tmp_path / "c")
    assert str(tmp_path / "c") in caught.value.message


def test_any_byte_may_be_damaged_and_any_end_be_missing(tmp_path: Path) -> None:
    """What is left is read, or refused in so many words that name the file."""
    written(tmp_path / "c")
    raw = (tmp_path / "c").read_bytes()
    flips = (
        raw[:i] + bytes([byte ^ 1 << bit]) + raw[i + 1 :]
        for i, byte in enumerate(raw)
        for bit in (0, 1, 5)
    )
    outcomes = set()
    for damaged in (*flips, *(raw[:end] for end in range(len(raw)))):
        (tmp_path / "c").write_bytes(damaged)
        try:
            parts, facts = checkpoint.load(tmp_path / "c")
        except DataError as error:
            outcomes.add(str(tmp_path / "c") in error.message)
        else:
            outcomes.add((type(parts), type(facts)))
    assert outcomes == {True, (dict, dict)}


# ---------------------------------------------------------------- a training of one's own

XS, YS = some((6, 3)) / 50, some((6, 2)) / 50


class Own:
    """A network with dropout, Adam, and a schedule with a warm-up and a plateau."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        hidden, out = nn.Linear(3, 4, rng=rng), nn.Linear(4, 2, rng=rng)
        self.net = nn.Sequential(hidden, mg.tanh, nn.Dropout(0.3, rng=rng), out)
        self.plateau = optim.Plateau(0.1, factor=0.5, patience=2)
        self.optimizer = optim.Adam(optim.warmup(5) * self.plateau.rate)
        x, y = mg.input("x", ("B", 3)), mg.input("y", ("B", 2))
        cost = mg.mean(mg.square(self.net(x) - y))
        updates = self.optimizer.updates(cost, self.net.parameters())
        self.step = mg.function([x, y], [cost, self.optimizer.lr], updates)

    def losses(self, count: int) -> list[tuple[float, float]]:
        found = []
        for i in range(count):
            loss, rate = map(float, self.step(XS, YS))
            self.plateau.observe(1.0 + (i > 3))
            found.append((loss, rate))
        return found


@pytest.mark.parametrize("before", [0, 1, 7])
def test_a_training_of_ones_own_goes_on_exactly(tmp_path: Path, before: int) -> None:
    first, other = Own(seed=1), Own(seed=2)
    first.losses(before)
    parts = {"network": first.net.state(), "optimizer": first.optimizer.state()}
    checkpoint.save(tmp_path / "c", parts, epoch=before)
    loaded, facts = checkpoint.load(tmp_path / "c")
    other.losses(3)
    other.net.load_state(loaded["network"])
    other.optimizer.load_state(loaded["optimizer"])
    assert facts == {"epoch": before}
    assert other.losses(10) == (expected := first.losses(10))
    assert len({loss for loss, _ in expected}) == 10
    assert len({rate for _, rate in expected}) > 1
