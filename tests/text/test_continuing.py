"""A training that goes on from a checkpoint goes on exactly, wherever it was interrupted."""

import gc
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from minigrad import checkpoint
from minigrad.compile import Function
from minigrad.errors import DataError
from minigrad.text import Settings, Training

TEXT = "to be or not to be, that is the question. " * 12
SMALL: dict[str, Any] = {"hidden": 4, "layers": 1, "length": 5, "batch": 3, "validation": 0.2}
MASKS = {"recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True}

# Each cell, each optimiser with its slots, each schedule, each level.
CASES: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn", **MASKS, "optimizer": "sgd", "momentum": 0.9, "schedule": "step",
            "decay": 0.5, "warmup": 9},
    "lstm": {"cell": "lstm", "layers": 2, "dropout": 0.2, **MASKS, "optimizer": "adam",
             "schedule": "plateau", "decay_patience": 1, "warmup": 5},
    "gru": {"cell": "gru", **MASKS, "optimizer": "rmsprop", "schedule": "exponential",
            "decay": 0.1, "decay_after": 0.5},
    "mingru": {"cell": "mingru", "optimizer": "adagrad", "schedule": "cosine",
               "level": "word", "batch": 2, "warmup": 40},
    "minlstm": {"cell": "minlstm", "optimizer": "adamw",
                "level": "byte", "clip_value": 0.01},
}  # fmt: skip


def training(**settings: Any) -> Training:
    return Training(TEXT, Settings(**{**SMALL, "steps": 30, **settings}))


def goes_on(t: Training) -> Iterator[Any]:
    """What there is to be seen of each step from here to the end; it is judged at every seventh."""
    while t.done < t.steps:
        loss = t.step()
        judged = t.judge(3) if t.done % 7 == 0 else None
        yield t.done, loss, t.latest.tolist(), judged


def everything(t: Training) -> dict[str, bytes]:
    """All arrays and facts of a training, to the bit."""
    parts, facts = t.checkpoint()
    arrays = {
        f"{part} {name}": p.get_value().tobytes()
        for part, named in parts.items()
        for name, p in named.items()
    }
    return {**arrays, "facts": repr(facts).encode()}


# ---------------------------------------------------------------- bit for bit


@pytest.mark.parametrize("name", CASES)
def test_it_goes_on_exactly_where_it_was(tmp_path: Path, name: str) -> None:
    """From random steps, and from the first and the last, into a new training and a used one."""
    t, other = training(**CASES[name], seed=1), training(**CASES[name], seed=2)
    rng = np.random.default_rng(list(name.encode()))
    at = {0, 7, 29, 30, *rng.integers(1, 29, 2).tolist()}
    save(t, tmp_path / "0")
    whole = []
    for seen in goes_on(t):
        whole.append(seen)
        if t.done in at:
            save(t, tmp_path / str(t.done))
    end = everything(t)
    assert len({loss for _, loss, *_ in whole}) == 30
    for done in sorted(at, key=lambda done: rng.random()):
        parts, facts = checkpoint.load(tmp_path / str(done))
        other.restore(parts, facts)
        assert other.done == done
        assert list(goes_on(other)) == whole[done:]
        assert everything(other) == end


def save(t: Training, path: Path) -> None:
    parts, facts = t.checkpoint()
    checkpoint.save(path, parts, **facts)


def test_all_parts_are_needed_for_that() -> None:
    """With the random states, the schedule or the carried state of another one, losses differ."""
    settings = {"cell": "rnn", **MASKS, "schedule": "plateau", "warmup": 20}
    t, other = training(**settings), training(**settings, seed=3)
    fresh, _ = values(other)
    for _ in range(8):
        t.step()
    t.judge()
    parts, facts = values(t)
    expected = list(goes_on(t))
    for part, chosen in {
        "network": lambda name: "weight" not in name and "bias" not in name,  # random states
        "optimizer": lambda name: name.startswith("lr."),
        "carried": lambda name: True,
    }.items():
        mixed = {name: fresh[part][name] for name in parts[part] if chosen(name)}
        assert mixed, part
        other.restore({**parts, part: {**parts[part], **mixed}}, facts)
        assert list(goes_on(other)) != expected, part


def values(t: Training) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """A checkpoint as it is when it was saved and loaded."""
    parts, facts = t.checkpoint()
    arrays = {part: {n: p.get_value() for n, p in named.items()} for part, named in parts.items()}
    return arrays, dict(facts)


# ---------------------------------------------------------------- what does not fit


USUAL: dict[str, Any] = {"cell": "rnn", "recurrent_dropout": 0.1, "optimizer": "adam"}


@pytest.fixture(scope="module")
def saved() -> Training:
    t = training(**USUAL)
    t.step()
    t.judge()
    return t


@pytest.fixture(scope="module")
def same() -> Training:
    return training(**USUAL, seed=5)


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        ({"hidden": 5}, None, r"shape"),
        ({"batch": 2}, None, r"carried has shape"),
        ({"layers": 2}, None, r"lack"),
        ({"cell": "gru"}, None, r"lack|not wanted|shape"),
        ({"optimizer": "sgd"}, None, r"names that are not wanted: optimizer "),
        ({"optimizer": "adagrad"}, None, r"the values lack optimizer "),
        ({"schedule": "cosine"}, None, r"the values lack optimizer lr\."),
        ({"recurrent_dropout": 0.0}, None, r"names that are not wanted: network "),
        ({}, lambda parts, facts: facts.pop("judgements"), r"its facts are "),
        ({}, lambda parts, facts: facts.update(judgements=[[1, "low"]]), r"its facts are .*low"),
        ({}, lambda parts, facts: facts.update(judgements=5), r"its facts are .*5"),
        ({}, lambda parts, facts: parts.pop("carried"), r"the values lack carried"),
        (
            {},
            lambda parts, facts: parts.update(more={"x": 1}),
            r"are not wanted: more x",
        ),
        ({}, lambda parts, facts: parts["training"].update(done=1.5), r"done.*float64"),
        ({}, lambda parts, facts: parts["training"].update(done=[1]), r"done has shape"),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    saved: Training, same: Training, settings: dict[str, Any], change: Any, message: str
) -> None:
    other = training(**{**USUAL, **settings}) if settings else same
    parts, facts = values(saved)
    if change is not None:
        change(parts, facts)
    before = everything(other)
    with pytest.raises(DataError, match=f"the checkpoint does not fit: .*({message})"):
        other.restore(parts, facts)
    assert everything(other) == before


# ---------------------------------------------------------------- Ctrl-C at any point


@pytest.fixture
def no_collection() -> Iterator[None]:
    """The callbacks of garbage collection are no place for an interrupt to be noticed in."""
    gc.disable()
    yield
    gc.enable()


def interrupted(action: Callable[[], object], line: int) -> int:
    """Ctrl-C before the n-th line that runs in it, if there are so many. The number of lines.

    Lines of `Function.__call__` do not count: it guards its flag from where Python looks for
    signals, which are calls and jumps back. Those come by a clock, below.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "line" and frame.f_code is not Function.__call__.__code__:
            count += 1
            if count == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return count


class Interrupted:
    """A training to be interrupted in its first step of an epoch, or in a later one."""

    def __init__(self, place: int) -> None:
        self.training = t = training(
            cell="rnn", recurrent_dropout=0.2, schedule="exponential", warmup=40
        )
        while t.done < len(t.batches) + place:
            t.step()
        self.start, self.done = values(t), t.done
        t.step()
        t.step()
        self.end = everything(t)
        t.restore(*self.start)

    def check(self) -> int:
        """Whether it is before the step or after it, and goes on to the same end."""
        t = self.training
        moved = t.done - self.done
        t.restore(*values(t))
        for _ in range(2 - moved):
            t.step()
        assert everything(t) == self.end
        t.restore(*self.start)
        return moved


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.usefixtures("no_collection")
def test_ctrl_c_at_any_line_of_a_step(place: int) -> None:
    """The state is that before the step or that after it."""
    case = Interrupted(place)
    lines = interrupted(case.training.step, 0)
    case.training.restore(*case.start)
    assert lines > 50
    seen = set()
    for line in range(1, lines + 1):
        interrupted(case.training.step, line)
        seen.add(case.check())
    assert seen == {0, 1}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such clock")
@pytest.mark.usefixtures("no_collection")
def test_ctrl_c_at_any_moment_of_a_step() -> None:
    case = Interrupted(place=0)
    start = time.perf_counter()
    for _ in range(50):
        case.training.step()
    longest = (time.perf_counter() - start) / 50
    case.training.restore(*case.start)
    rng = np.random.default_rng(0)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    seen = []
    try:
        for _ in range(200):
            with suppress(KeyboardInterrupt):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 1.5 * longest))
                    case.training.step()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            seen.append(case.check())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert 0 in seen


@pytest.mark.usefixtures("no_collection")
def test_ctrl_c_at_any_point_of_judging() -> None:
    t = training(cell="rnn", schedule="plateau", decay_patience=2, validation=0.1)
    t.step()
    t.judge()
    t.step()
    start = values(t)
    lines = interrupted(t.judge, 0)
    end = everything(t)
    for line in range(1, lines + 1):
        t.restore(*start)
        interrupted(t.judge, line)
        t.restore(*values(t))
        if t.done not in t.judgements:
            t.judge()
        assert everything(t) == end, line
