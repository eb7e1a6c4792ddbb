"""Recurrent layers, compiled, against PyTorch: values, last states, all gradients."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.tree import flatten, unflatten
from minigrad.variables import set_values
from tests.reference.cases import GROUPS, LOOPS, TORCH_LAYERS, B, F, H, Recurrence, T
from tests.reference.stored import REFERENCE, Array, Roles, assert_close


def test_the_file_has_all_cases() -> None:
    """Where not: python tests/reference/make.py, where PyTorch is."""
    assert {group: list(cases) for group, cases in REFERENCE.items()} == GROUPS


class Given:
    """In place of a random generator: draws that are given."""

    def __init__(self, draws: list[Array]) -> None:
        self.draws = cycle(draws)

    def bernoulli(self, *_: Any) -> mg.Variable:
        return mg.constant(next(self.draws).astype(bool))


def made(case: Recurrence, noise: Mapping[str, Array]) -> Any:
    """A layer; where draws are given, its steps are written out, so that each has its own."""
    layer = getattr(nn, case.kind)(F, H, dtype="float64", unroll=bool(noise), **case.settings)
    layer.train() if case.training else layer.eval()
    if noise:
        cell = layer.layers[0].cell
        if cell.recurrent_dropout is not None:
            cell.recurrent_dropout.rng = Given([*noise["kept"]])
        else:
            shares = cell._zoneout_shares
            held = [noise[f"held {i}"] for i, p in enumerate(shares) if p]
            cell.zoneout_rng = Given([draw for step in zip(*held, strict=True) for draw in step])
    return layer


def compiled(layer: Any, case: Recurrence, roles: Roles) -> dict[str, Any]:
    """What the layer makes of the given arrays, by the names of the reference."""
    given = roles["given"]
    time, batch = (T, B) if roles.get("noise") else ("T", "B")
    wrt: dict[str, mg.Variable] = {"xs": mg.input("xs", (time, batch, F), "float64")}
    for name, v in given.items():
        if name != "xs":
            wrt[name] = mg.input(name, (batch, *v.shape[1:]), "float64")
    rows: dict[str, mg.Variable] = {}
    if case.rows == "lengths":
        rows["lengths"] = mg.input("lengths", (batch,), "int64")
    if case.rows == "mask":
        rows["mask"] = mg.input("mask", (time, batch), "bool")
    start = None
    if case.state:
        structure = flatten(layer.zero_state(batch))[2]
        start = unflatten(structure, [v for name, v in wrt.items() if name != "xs"])
    ys, state = layer(wrt["xs"], start, **rows)
    outputs = {"ys": ys} | {f"state {i}": part for i, part in enumerate(flatten(state)[0])}
    weights = {name: mg.input(f"d {name}", v.shape, "float64") for name, v in outputs.items()}
    cost = sum(((weights[name] * v).sum() for name, v in outputs.items()), mg.constant(0.0))
    gradients = mg.grad(cost, {**wrt, **layer.parameters()}, unused="zeros")
    run = mg.function([*wrt.values(), *rows.values(), *weights.values()], (outputs, gradients))
    kinds = {"lengths": "int64", "mask": "bool"}
    masks = [roles["rows"][name].astype(kinds[name]) for name in rows]
    outputs, gradients = run(*given.values(), *masks, *roles["cotangents"].values())
    return {"outputs": outputs, "gradients": gradients}


def assert_same_names_and_values(found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert_close(found[name], value, name)


# ---------------------------------------------------------------- layers that PyTorch has


def by_torch_names(layer: Any, gradients: Mapping[str, Array]) -> dict[str, Array]:
    """Gradients of a layer as PyTorch has them: both of its biases are added, so they are alike."""
    found = {name: g for name, g in gradients.items() if not name.startswith("layers")}
    for place, end in places(layer):
        ours = {
            name.removeprefix(place): g for name, g in gradients.items() if name.startswith(place)
        }
        bias = ours.pop("bias")
        hidden = bias.copy()
        if "bias_hn" in ours:
            hidden[-H:] = ours.pop("bias_hn")
        found |= {f"{name}_{end}": g.T for name, g in ours.items()}
        found |= {f"bias_ih_{end}": bias, f"bias_hh_{end}": hidden}
    return found


def places(layer: Any) -> Iterator[tuple[str, str]]:
    """Where cells are, and the ends of their names in PyTorch."""
    for number, one in enumerate(layer.layers):
        if isinstance(one, nn.Bidirectional):
            yield f"layers.{number}.forward.cell.", f"l{number}"
            yield f"layers.{number}.backward.cell.", f"l{number}_reverse"
        else:
            yield f"layers.{number}.cell.", f"l{number}"


@pytest.mark.parametrize("name", TORCH_LAYERS)
def test_pytorch_has_the_same(name: str) -> None:
    case, roles = TORCH_LAYERS[name], REFERENCE["torch layers"][name]
    layer = made(case, {})
    layer.load_torch_state_dict(roles["weights"])
    found = compiled(layer, case, roles)
    assert_same_names_and_values(found["outputs"], roles["outputs"])
    assert_same_names_and_values(by_torch_names(layer, found["gradients"]), roles["gradients"])


@pytest.mark.parametrize("name", TORCH_LAYERS)
def test_weights_come_back(name: str) -> None:
    """Of the two biases that are only ever added, their sum; of a GRU's b_hn, itself."""
    case, given = TORCH_LAYERS[name], REFERENCE["torch layers"][name]["weights"]
    layer = made(case, {})
    layer.load_torch_state_dict(given)
    found = layer.torch_state_dict()
    assert list(found) == list(given)
    for key, value in given.items():
        if not key.startswith("bias"):
            np.testing.assert_array_equal(found[key], value)
    for _, end in places(layer):
        both = [f"bias_ih_{end}", f"bias_hh_{end}"]
        total = sum(given[key] for key in both)
        np.testing.assert_array_equal(sum(found[key] for key in both), total)
        free = slice(-H, None) if case.kind == "GRU" else slice(0, 0)
        np.testing.assert_array_equal(found[both[1]][free], given[both[1]][free])
        assert not np.delete(found[both[1]], free).any()


# ---------------------------------------------------------------- what it has as loops only


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_in_pytorch_has_the_same(name: str) -> None:
    case, roles = LOOPS[name], REFERENCE["loops"][name]
    layer = made(case, roles["noise"])
    set_values(layer.parameters(), roles["weights"])
    found = compiled(layer, case, roles)
    assert_same_names_and_values(found["outputs"], roles["outputs"])
    assert_same_names_and_values(found["gradients"], roles["gradients"])


@pytest.mark.parametrize("name", LOOPS)
def test_float32_stays(name: str) -> None:
    case = LOOPS[name]
    layer = getattr(nn, case.kind)(F, H, **case.settings)
    layer.train() if case.training else layer.eval()
    xs = mg.input("xs", ("T", "B", F))
    mask = mg.input("mask", ("T", "B"), "bool") if case.rows else None
    outputs = flatten(layer(xs, mask=mask))[0]
    cost = sum((mg.square(v).sum() for v in outputs), mg.constant(0.0))
    gradients = mg.grad(cost, [xs, *layer.parameters().values()])
    assert {v.dtype for v in [*outputs, *gradients]} == {np.dtype("float32")}
