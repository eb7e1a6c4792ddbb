"""Layers without memory and losses, compiled, against PyTorch."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.variables import set_values
from tests.reference.cases import BATCH_NORM, LAYER_NORM_EPSILON, LOSSES, F, H
from tests.reference.stored import REFERENCE, Array, assert_close

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(F, H, dtype="float64"),
    "linear without bias": lambda: nn.Linear(F, H, bias=False, dtype="float64"),
    "embedding": lambda: nn.Embedding(H, F, dtype="float64"),
    "layer norm": lambda: nn.LayerNorm(F, LAYER_NORM_EPSILON, dtype="float64"),
    "batch norm": lambda: nn.BatchNorm(F, **BATCH_NORM, dtype="float64"),
}


def function(
    layer: Any, x: mg.Variable, wrt: Mapping[str, mg.Variable]
) -> Callable[[Array, Array], tuple[Array, dict[str, Array]]]:
    """From x and a cotangent to y and the gradients; a layer in training is moved on."""
    y = layer(x)
    cotangent = mg.input("d y", y.shape, "float64")
    gradients = mg.grad((cotangent * y).sum(), {**wrt, **layer.parameters()})
    updates = layer.updates() if layer.training else None
    return mg.function([x, cotangent], (y, gradients), updates)


def assert_all_close(found: Mapping[str, Array], expected: Mapping[str, Array], what: str) -> None:
    assert set(found) == set(expected), what
    for name, value in expected.items():
        assert_close(found[name], value, f"{what} {name}")


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "batch norm"])
def test_layer(name: str) -> None:
    roles, layer = REFERENCE["layers"][name], LAYERS[name]()
    set_values(layer.parameters(), roles["weights"])
    ids = name == "embedding"
    x = mg.input("x", ("T", "B") if ids else ("T", "B", F), "int64" if ids else "float64")
    run = function(layer, x, {} if ids else {"x": x})
    given = roles["given"]["x"].astype(x.dtype)
    y, gradients = run(given, roles["cotangents"]["y"])
    assert_close(y, roles["outputs"]["y"], "y")
    assert_all_close(gradients, roles["gradients"], "gradient of")


def test_batch_norm_over_three_batches_and_in_use() -> None:
    roles, layer = REFERENCE["layers"]["batch norm"], LAYERS["batch norm"]()
    set_values(layer.parameters(), roles["weights"])
    x = mg.input("x", ("T", "B", F), "float64")
    train, use = (function(mode(), x, {"x": x}) for mode in (layer.train, layer.eval))
    for number in range(4):
        run = train if number < 3 else use
        y, gradients = run(roles[f"given {number}"]["x"], roles[f"cotangents {number}"]["y"])
        assert_close(y, roles[f"outputs {number}"]["y"], f"y {number}")
        assert_all_close(gradients, roles[f"gradients {number}"], f"gradient {number} of")
        for key in ("running_mean", "running_var"):
            value = getattr(layer, key).get_value()
            assert_close(value, roles[f"running {number}"][key], f"{key} {number}")


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    case, roles = LOSSES[name], REFERENCE["losses"][name]
    given = roles["given"]
    x = mg.input("x", ("T", "B", H), "float64")
    classes = case.targets == "classes"
    targets = mg.input(
        "targets", ("T", "B") if classes else x.shape, "int64" if classes else "float64"
    )
    weights = None if case.ignored is None else targets != case.ignored
    value = getattr(nn.losses, case.ours)(x, targets, case.reduce, weights)
    cotangent = mg.input("d value", value.shape, "float64")
    run = mg.function([x, targets, cotangent], (value, mg.grad((cotangent * value).sum(), x)))
    found, gradient = run(
        given["x"], given["targets"].astype(targets.dtype), roles["cotangents"]["value"]
    )
    assert_close(found, roles["outputs"]["value"], "value")
    assert_close(gradient, roles["gradients"]["x"], "gradient")
