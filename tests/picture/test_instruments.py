"""Gradient flow and saturation: the numbers against NumPy, the figures against the numbers."""

import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import minigrad as mg
from minigrad.errors import ArgumentError, PictureError
from minigrad.picture import plots
from minigrad.picture.instruments import (
    GradientFlow,
    Saturation,
    draw_gradient_flow,
    draw_saturation,
    gradient_flow,
    saturation,
)

T, B, H = 7, 2, 3
RNG = np.random.default_rng(0)
XS, W, START = (RNG.standard_normal(s) for s in ((T, B, H), (H, H), (B, H)))


def plain_step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
    h = mg.tanh(x + h @ mg.constant(W)).named("h")
    return h, h


def by_hand(xs: Any) -> Any:
    """‖∂L/∂h_t‖ for L = Σ_t ‖h_t‖² / 2, the chain rule step by step."""
    hs = [START]
    for x in xs:
        hs.append(np.tanh(x + hs[-1] @ W))
    norms, back = [], np.zeros((B, H))
    for h in hs[:0:-1]:
        gradient = h + back
        norms.append(np.linalg.norm(gradient))
        back = (gradient * (1 - h * h)) @ W.T
    return np.array(norms[::-1])


def traced(**options: Any) -> mg.Trace:
    _, hs = mg.scan(plain_step, mg.constant(START), mg.constant(XS), **options)
    return mg.trace(mg.sum(hs * hs) / 2, {})


# ---------------------------------------------------------------- gradient flow


def test_gradient_norms_are_those_of_the_chain_rule() -> None:
    (flow,) = gradient_flow(traced())
    np.testing.assert_allclose(flow.norms, by_hand(XS), rtol=1e-12)
    assert flow.weight == pytest.approx(np.linalg.svd(W)[1][0])
    assert flow.label == f"h, ‖W_hh‖ = {flow.weight:.3g}"


def test_steps_stand_in_the_order_of_the_sequence_also_in_reverse() -> None:
    (flow,) = gradient_flow(traced(reverse=True))
    np.testing.assert_allclose(flow.norms, by_hand(XS[::-1])[::-1], rtol=1e-12)


def test_a_loop_in_a_loop_has_all_steps() -> None:
    """`checkpoint=3`: two turns of three steps, and one that remains."""
    turns, rest = gradient_flow(traced(checkpoint=3))
    np.testing.assert_allclose([*turns.norms, *rest.norms], by_hand(XS), rtol=1e-12)
    assert len(rest.norms) == 1
    assert turns.weight == pytest.approx(np.linalg.svd(W)[1][0])
    assert (turns.name, rest.name) == ("scan 0: h", "scan 1: h")


@pytest.mark.parametrize("unroll", [2, 3])
def test_of_steps_written_out_the_last_of_each_turn(unroll: int) -> None:
    turns, *rest = gradient_flow(traced(unroll=unroll))
    every = by_hand(XS)[unroll - 1 :: unroll]
    np.testing.assert_allclose(turns.norms, every, rtol=1e-12)
    assert len(rest) == 1


def test_all_carries_of_all_scans() -> None:
    layers = mg.nn.LSTM(2, H, num_layers=2, rng=0, dtype="float64")
    ys, _ = layers(mg.constant(RNG.standard_normal((T, B, 2))), layers.zero_state(B))
    flows = gradient_flow(mg.trace(mg.sum(ys[-1]), {}))
    names = [f"LSTMCell {layer}: {part}" for layer in (0, 1) for part in "hc"]
    assert [flow.name for flow in flows] == names
    for layer, flow in zip(layers.layers, flows[::2], strict=True):
        assert flow.weight == pytest.approx(np.linalg.svd(layer.cell.weight_hh.get_value())[1][0])
    assert [flow.weight for flow in flows[1::2]] == [None, None]
    assert flows[2].norms[-1] == pytest.approx(np.sqrt(B * H))  # L is the sum of that h


@pytest.mark.parametrize("reset_after", [True, False])
def test_a_state_that_is_scaled_before_its_matrix(reset_after: bool) -> None:
    cell = mg.nn.GRUCell(2, H, reset_after=reset_after, rng=0, dtype="float64")
    ys, _ = mg.nn.Recurrent(cell)(mg.constant(XS[..., :2]))
    (flow,) = gradient_flow(mg.trace(mg.sum(ys), {}))
    assert flow.weight == pytest.approx(np.linalg.svd(cell.weight_hh.get_value())[1][0])


def test_a_column_state_and_integer_carries() -> None:
    def step(carry: Any, _: None) -> tuple[Any, None]:
        h, count = carry
        return ((mg.constant(2 * np.eye(H)) @ h).named("h"), count + 1), None

    (last, _), _ = mg.scan(step, (mg.constant(np.ones(H)), mg.constant(0)), length=4)
    (flow,) = gradient_flow(mg.trace(last[0], {}))
    assert (flow.norms.tolist(), flow.weight) == ([8, 4, 2, 1], 2)


def test_no_scan_no_flow() -> None:
    x = mg.input("x")
    with pytest.raises(ArgumentError, match="has no scan in it"):
        gradient_flow(mg.trace(x * x, {x: 1.0}))


def test_picture_of_gradient_flow() -> None:
    flows = [
        GradientFlow("a", np.array([1e-3, 1e-2, 1.0]), 0.9),
        GradientFlow("b", np.array([0.0, 10.0, 1.0])),
    ]
    ax = draw_gradient_flow(flows)
    a, b = ax.lines
    assert (a.get_xdata().tolist(), a.get_ydata().tolist()) == ([1, 2, 3], [1e-3, 1e-2, 1])
    assert np.isnan(b.get_ydata()[0])
    assert b.get_ydata()[1:].tolist() == [10, 1]
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts == ["a, ‖W_hh‖ = 0.9", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time step t", "‖∂L/∂h_t‖")
    assert ax.get_yscale() == "log"
    for look in ("get_linestyle", "get_marker"):  # where there is no colour
        assert getattr(a, look)() != getattr(b, look)()
    (alone,) = draw_gradient_flow(flows[:1]).lines
    assert to_hex(alone.get_color()) == plots.GRADIENT
    plots.as_svg(ax)


# ---------------------------------------------------------------- saturation


@pytest.mark.parametrize(
    ("gate", "values", "low", "high"),
    [
        (mg.sigmoid, [[0.05, 0.1, 0.5], [0.9, 0.95, 0.99]], 1 / 6, 2 / 6),
        (mg.tanh, [[-0.95, -0.9, 0.0, 0.91]], 1 / 4, 1 / 4),
        (mg.relu, [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]], 1 / 3, 0),
        (mg.relu, [[0.0, 0.0]], 1, 0),
    ],
)
def test_shares_are_those_that_are_counted(gate: Any, values: Any, low: float, high: float) -> None:
    found = Saturation.of("x", gate(mg.input("x")).owner.gate, np.array(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_all_gates_of_a_trace_in_loops_and_out() -> None:
    xs, scale = mg.constant(XS), 3.0

    def step(h: mg.Variable, x: mg.Variable) -> tuple[mg.Variable, mg.Variable]:
        z = mg.sigmoid(scale * x).named("z")
        h = (z * h + mg.tanh(h)).named("h")
        return h, h

    _, hs = mg.scan(step, mg.constant(START), xs, name="cell")
    found = {row.label: row for row in saturation(mg.trace(mg.sum(mg.relu(hs)), {}))}
    z, rows, now = 1 / (1 + np.exp(-scale * XS)), [], START
    for gate in z:
        rows.append(now)
        now = gate * now + np.tanh(now)
    entering, last = np.tanh(rows), np.array([*rows[1:], now])
    expected = {
        "z (σ)": ((z < 0.1).mean(), (z > 0.9).mean()),
        "tanh(carry)": ((entering < -0.9).mean(), (entering > 0.9).mean()),
        "relu(h)": ((last <= 0).reshape(-1, H).all(axis=0).mean(), 0),
    }
    assert {label: (row.low, row.high) for label, row in found.items()} == expected
    assert 0 < expected["z (σ)"][0] < 1


def test_gates_of_several_scans_are_told_apart() -> None:
    layers = mg.nn.GRU(2, H, num_layers=2, rng=0)
    ys, _ = layers(mg.constant(XS[..., :2].astype(np.float32)))
    found = [row.label for row in saturation(mg.trace(mg.sum(ys), {}))]
    gates = "n (tanh)", "r (σ)", "z (σ)"
    assert found == [f"GRUCell {layer}: {gate}" for layer in (0, 1) for gate in gates]


def test_figures_of_next_to_nothing() -> None:
    for norms in ([], [0.0], [1.0], [np.inf, 1.0, np.nan]):
        ax = draw_gradient_flow([GradientFlow("a", np.array(norms))])
        assert np.nansum(ax.lines[0].get_ydata()) == norms.count(1.0)
        plots.as_svg(ax)
    many = [GradientFlow(str(i), np.ones(2)) for i in range(9)]
    assert len(draw_gradient_flow(many).lines) == 9
    plots.as_svg(draw_gradient_flow([]))
    plots.as_svg(draw_saturation([]))
    gate = mg.tanh(mg.input("x")).owner.gate
    assert Saturation.of("x", gate, np.zeros((0, 3))) == Saturation("x", "tanh", 0.0, 0.0)


def test_picture_of_saturation() -> None:
    rows = [Saturation("f", "σ", 0.25, 0.5), Saturation("tanh(c)", "tanh", 0.0, 0.125)]
    ax = draw_saturation(rows)
    bars = [[(bar.get_x(), bar.get_width()) for bar in part] for part in ax.containers]
    assert bars == [
        [(0, 0.25), (0, 0)],
        [(0.25, 0.25), (0, 0.875)],
        [(0.5, 0.5), (0.875, 0.125)],
    ]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["f (σ)", "tanh(c)"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts == ["saturated low", "not saturated", "saturated high"]
    hatches = [part[0].get_hatch() for part in ax.containers]
    assert hatches[2]
    assert not hatches[0]
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= ax.figure.bbox.x1


# ---------------------------------------------------------------- what all figures share


def test_axes_of_ones_own_and_files(tmp_path: Any) -> None:
    ax, other = Figure().subplots(1, 2)
    assert draw_saturation([Saturation("f", "σ", 0.25, 0.5)], other) is other
    assert draw_gradient_flow([GradientFlow("a", np.ones(3))], ax) is ax
    for suffix, begins in ((".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        path = plots.save(ax, tmp_path / f"f{suffix}")
        assert path.read_bytes().startswith(begins)
        before = path.read_bytes()
        assert plots.save(ax, path).read_bytes() == before
    with pytest.raises(PictureError, match=r"one of \.svg, \.png, \.pdf, not as 'f.gif'"):
        plots.save(ax, tmp_path / "f.gif")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for draw in (draw_gradient_flow, draw_saturation):
        with pytest.raises(PictureError, match="needs matplotlib"):
            draw([])
