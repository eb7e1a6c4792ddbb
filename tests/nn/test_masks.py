"""Which steps are a row's own: any mask is each row by itself, without its gaps."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.interpret import evaluate
from tests.nn.compiled import (
    KINDS,
    B,
    F,
    H,
    Runs,
    T,
    assert_equal,
    exact,
    make,
    rows_of,
    start_of,
)

XS = np.random.default_rng(0).normal(size=(T, B, F))
MASKS = {
    "gaps and an empty row": [[1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]] * 2,
    "one step or none": [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], *np.zeros((2, 4))],
    "nothing but padding": np.zeros((T, B)),
}
WAYS: dict[str, dict[str, Any]] = {
    "forward": {},
    "reverse": {"reverse": True},
    "bidirectional": {"bidirectional": True},
    "2 layers, both ways": {"bidirectional": True, "num_layers": 2},
}


def mask_of(name: str) -> Any:
    return np.array(MASKS[name], bool)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["lstm", "minGRU"])
@pytest.mark.parametrize("name", MASKS)
def test_each_row_is_itself_without_gaps(name: str, kind: str, way: str) -> None:
    layer, mask = make(kind, **WAYS[way]), mask_of(name)
    run, state = Runs(layer), start_of(layer)
    ys, last = run(XS, state, mask=mask)
    for b in range(B):
        own, alone = mask[:, b], slice(b, b + 1)
        assert not ys[~own, b].any()
        if own.any():
            expected = run(XS[own, alone], rows_of(state, alone))
        else:
            expected = (np.zeros((0, 1, layer.output_size)), rows_of(state, alone))
        assert_equal((ys[own, alone], rows_of(last, alone)), expected)


@pytest.mark.parametrize("way", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", ["gru", "minLSTM"])
def test_the_last_outputs_are_those_of_the_last_own_steps(kind: str, way: str) -> None:
    """Without padding, with padding at the end, and with gaps."""
    layer = make(kind, **WAYS[way])
    brief = make(kind, **WAYS[way], return_sequences=False)
    lengths, mask = np.array([3, 0, T, 1]), mask_of("gaps and an empty row")
    rows: dict[str, tuple[Any, Any]] = {
        "all": ({}, np.ones((T, B), bool)),
        "lengths": ({"lengths": lengths}, np.arange(T)[:, None] < lengths),
        "mask": ({"mask": mask}, mask),
    }
    ahead = {"forward": layer.output_size, "reverse": 0}.get(way, H)  # features that end in time
    for given, own in rows.values():
        ys, state = Runs(layer)(XS, **given)
        last, same = Runs(brief)(XS, **given)
        assert_equal(same, state)
        for b in range(B):
            first, final = np.flatnonzero(own[:, b])[[0, -1]] if own[:, b].any() else (0, 0)
            exact(last[b], np.concatenate([ys[final, b, :ahead], ys[first, b, ahead:]]))
            assert last[b].any() == own[:, b].any()


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_are_a_mask(kind: str) -> None:
    run, lengths = Runs(make(kind)), np.array([3, 0, T, 1])
    mask = np.arange(T)[:, None] < lengths
    assert_equal(run(XS, lengths=lengths), run(XS, mask=mask))
    assert_equal(run(XS), run(XS, mask=np.ones((T, B), bool)))


@pytest.mark.parametrize("way", ["forward", "2 layers, both ways"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_does_not_matter(kind: str, way: str) -> None:
    """Not even where it is no number."""
    run, mask = Runs(make(kind, **WAYS[way])), mask_of("gaps and an empty row")
    spoiled = np.where(mask[..., None], XS, np.nan)
    assert_equal(run(spoiled, mask=mask), run(XS, mask=mask))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_do_not_see_what_is_masked(kind: str) -> None:
    """As long as it is finite: 0 · NaN is NaN, so padding that is no number spoils gradients."""
    layer, mask = make(kind, bidirectional=True), mask_of("gaps and an empty row")
    xs, own = mg.input("xs", ("T", "B", F), "float64"), mg.input("mask", ("T", "B"), "bool")
    ys, _ = layer(xs, mask=own)
    wrt = {"xs": xs, **layer.parameters()}
    gradients = mg.function([xs, own], mg.grad(mg.square(ys - 0.1).sum(), wrt))
    found = gradients(np.where(mask[..., None], XS, 9.0), mask)
    assert not found["xs"][~mask].any()
    assert found["xs"][mask].all()
    assert_equal(found, gradients(XS, mask))


def test_a_mask_for_the_one_batch_that_is_there() -> None:
    """Sizes known now, an array for a mask, steps written out."""
    mask = mask_of("gaps and an empty row")
    looped, unrolled = make("gru"), make("gru", unroll=True)
    found = unrolled(XS, mask=mask)
    assert_equal((found[0].eval(), (found[1][0].eval(),)), Runs(looped)(XS, mask=mask))


def test_any_structure_of_outputs_is_masked() -> None:
    """A cell that counts its steps, with outputs of several kinds and ranks."""

    def count(x: Any, n: Any) -> tuple[Any, Any]:
        return {"n": n + 1, "pair": mg.stack([x, 2 * x], axis=-1)}, n + 1

    mask = mask_of("gaps and an empty row")
    for reverse in (False, True):
        layer = nn.Recurrent(count, reverse, return_sequences=False)
        ys, n = layer(XS, state=np.zeros(B, "int64"), mask=mask)
        last, total, pair = evaluate([ys["n"], n, ys["pair"]])
        np.testing.assert_array_equal(total, mask.sum(0))
        np.testing.assert_array_equal(last, mask.sum(0))
        place = mask.argmax(0) if reverse else T - 1 - mask[::-1].argmax(0)
        x = np.where(mask.any(0)[:, None], XS[place, np.arange(B)], 0)
        exact(pair, np.stack([x, 2 * x], -1))
