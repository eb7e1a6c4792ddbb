"""Instruments for recurrent networks: how long the gradient is at each time step, and which gates
are saturated. Each is a table of numbers, and a figure of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from ..gates import Astype, Matmul, Multiply, Relu, Sigmoid, Tanh
from ..graph import Apply, Gate, applies, dependents
from ..loops.gate import Scan, everywhere
from ..types import Array
from ..variables import Constant
from .plots import GRADIENT, NEUTRAL, SERIES, VALIDATION, VALUE, new_axes, plain

if TYPE_CHECKING:
    from ..tracing import Trace

__all__ = [
    "GradientFlow",
    "Saturation",
    "draw_gradient_flow",
    "draw_saturation",
    "gradient_flow",
    "saturation",
]

# The values beyond which a gate is saturated: its slope is then small, and no gradient passes.
LIMITS: Mapping[type[Gate], tuple[float, float]] = {Sigmoid: (0.1, 0.9), Tanh: (-0.9, 0.9)}
_SYMBOLS: Mapping[type[Gate], str] = {Sigmoid: "σ", Tanh: "tanh", Relu: "relu"}


# ---------------------------------------------------------------- gradient flow


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """How long the gradient of a carry is at each time step.

    Attributes: `name`; `norms` (T,), ‖∂L/∂h_t‖ over all elements of h_t, the state that step t
    makes; `weight`, the spectral norm ‖W_hh‖ of what h is multiplied with in a step, all its
    matrices side by side (None where there is none).
    """

    name: str
    norms: Array
    weight: float | None = None

    @property
    def label(self) -> str:
        return self.name if self.weight is None else f"{self.name}, ‖W_hh‖ = {self.weight:.3g}"


def gradient_flow(trace: "Trace") -> list[GradientFlow]:
    """‖∂L/∂h_t‖ of every float carry of every scan in a trace, L being its cost.

    >>> import minigrad as mg
    >>> def step(h, x):
    ...     return (h @ mg.constant([[0.5, 0.0], [0.0, 0.1]]) + x).named("h"), None
    >>> last, _ = mg.scan(step, mg.zeros(2, "float64"), mg.constant(np.ones((4, 2))))
    >>> (flow,) = gradient_flow(mg.trace(last[0], {}))
    >>> flow.norms.tolist(), flow.label
    ([0.125, 0.25, 0.5, 1.0], 'h, ‖W_hh‖ = 0.5')

    Of a loop in a loop (as `checkpoint` makes) all steps follow each other. Raises ArgumentError
    where there is no scan.
    """
    found = [
        list(_flows(trace, len(loops) + 1, apply))
        for apply, loops in everywhere(applies([trace.cost]))
        if isinstance(apply.gate, Scan)
    ]
    if not found:
        raise ArgumentError("this trace has no scan in it: there are no time steps to look at")
    found = [flows for flows in found if flows]
    return [
        replace(flow, name=f"{title} {number}: {flow.name}" if len(found) > 1 else flow.name)
        for number, flows in enumerate(found)
        for title, flow in flows
    ]


def _flows(trace: "Trace", depth: int, apply: Apply) -> Iterator[tuple[str, GradientFlow]]:
    """The name of a scan with the flow of each of its float carries, but for those that a loop
    inside makes: that has them at all of its steps."""
    scan: Any = apply.gate
    own = {v for a in scan.body.applies() if not isinstance(a.gate, Scan) for v in a.outputs}
    own.update(scan.body.inputs[: scan.carries + scan.sequences])
    for i, v in enumerate(scan.body.outputs[: scan.carries]):
        if v in own and v.type.differentiable:
            gradient = trace.grad(v)
            rows = gradient.reshape(int(np.prod(gradient.shape[:depth])), -1)
            name = v.name or scan.body.inputs[i].name or f"carry {i}"
            flow = GradientFlow(name, _norms(rows), _recurrent_norm(trace, apply, i))
            yield scan.name or "scan", flow


def _norms(rows: Array) -> Array:
    """The length of each row, in float64: squares of a vanished float32 gradient would be 0."""
    return np.linalg.norm(rows.astype(np.float64), axis=-1)


def spectral_norm(*matrices: Array) -> float:
    """The greatest factor by which matrices side by side make a row longer."""
    return float(np.linalg.norm(np.concatenate(matrices, axis=1).astype(np.float64), 2))


def _recurrent_norm(trace: "Trace", apply: Apply, carry: int) -> float | None:
    """‖W‖ of the constant matrices W with which a step multiplies a carry.

    The carry may be scaled on its way to them (a mask, a reset gate), no more than that.
    """
    scan: Any = apply.gate
    scaled = {scan.body.inputs[carry]}
    varying = dependents(scan.body.outputs, scan.body.inputs[: scan.carries + scan.sequences])
    outer = dict(zip(scan.body.inputs, apply.inputs, strict=True))
    found = []
    for inner in scan.body.applies():
        if isinstance(inner.gate, Multiply | Astype) and not scaled.isdisjoint(inner.inputs):
            scaled.update(inner.outputs)
        if not isinstance(inner.gate, Matmul):
            continue
        left, right = inner.inputs
        h, matrix = (left, right) if left in scaled else (right, left)
        if h in scaled and matrix not in varying and matrix.ndim == 2:
            matrix = outer.get(matrix, matrix)
            value = matrix.value if isinstance(matrix, Constant) else trace[matrix]
            if value.ndim == 2:  # not another one in each turn of a loop around
                found.append(value if h is left else value.T)
    return spectral_norm(*found) if found else None


def draw_gradient_flow(flows: Sequence[GradientFlow], ax: Any = None) -> Any:
    """The norms over time on a scale of powers of ten. The axes, for more.

    A norm of 0 has no place on the scale, and one that is not finite neither: there the line has a
    gap. Raises PictureError where there is no
    matplotlib.
    """
    ax = new_axes() if ax is None else ax
    for number, flow in enumerate(flows):
        steps = np.arange(1, len(flow.norms) + 1)
        shown = np.isfinite(flow.norms) & (flow.norms > 0)
        norms = np.where(shown, flow.norms, np.nan)
        style = SERIES[number % len(SERIES)]
        if len(flows) == 1:
            style = {**style, "color": GRADIENT}
        every = max(1, len(steps) // 12)
        ax.plot(steps, norms, label=flow.label, markersize=4.5, markevery=every, **style)
    ax.set(xlabel="time step t", ylabel="‖∂L/∂h_t‖", yscale="log")
    if flows:
        ax.legend(frameon=False)
    return plain(ax)


# ---------------------------------------------------------------- saturation


@dataclass(frozen=True)
class Saturation:
    """Which share of a gate's values is saturated.

    Attributes: `name`; `gate`, which is "σ", "tanh" or "relu"; `low` and `high`, the shares of
    values below 0.1 and above 0.9 for σ (left- and right-saturated: Karpathy, Johnson and Li,
    "Visualizing and understanding recurrent networks", 2015), below -0.9 and above 0.9 for tanh.
    For relu `low` is the share of dead units, which are 0 for all inputs.
    """

    name: str
    gate: str
    low: float
    high: float

    @property
    def label(self) -> str:
        return self.name if f"{self.gate}(" in self.name else f"{self.name} ({self.gate})"

    @classmethod
    def of(cls, name: str, gate: Gate, values: Array) -> "Saturation":
        """That of the values (…, units) of a sigmoid, tanh or relu."""
        kind = type(gate)
        if kind is Relu:
            units = values.reshape(-1, values.shape[-1] if values.ndim else 1)
            low, high = _share((units == 0).all(axis=0)), 0.0
        else:
            below, above = LIMITS[kind]
            low, high = _share(values < below), _share(values > above)
        return cls(name, _SYMBOLS[kind], low, high)


def _share(which: Array) -> float:
    return float(which.mean()) if which.size else 0.0


def squashing(order: Sequence[Apply]) -> list[Apply]:
    """The sigmoids, tanhs and relus of a walk by name, the loops in it left out."""
    return sorted((apply for apply in order if type(apply.gate) in _SYMBOLS), key=gate_name)


def gate_name(apply: Apply) -> str:
    """The name of its output, or what it was made of: "f", "tanh(c)"."""
    made, of = apply.outputs[0], apply.inputs[0]
    symbol = _SYMBOLS[type(apply.gate)]
    return made.name or (f"{symbol}({of.name})" if of.name else symbol)


def saturation(trace: "Trace") -> list[Saturation]:
    """The shares of saturated values of all sigmoids, tanhs and relus in a trace, at all steps.

    >>> import minigrad as mg
    >>> x = mg.input("x", (4,))
    >>> saturation(mg.trace(mg.sum(mg.sigmoid(x)), {x: [-9, 0, 1, 9]}))
    [Saturation(name='σ(x)', gate='σ', low=0.25, high=0.25)]
    """
    order = applies([trace.cost])
    scans = [apply.gate for apply, _ in everywhere(order) if isinstance(apply.gate, Scan)]
    parts = [("", order)]
    for number, scan in enumerate(scans):
        prefix = f"{scan.name or 'scan'} {number}: " if len(scans) > 1 else ""
        parts.append((prefix, scan.body.applies()))
    return [
        Saturation.of(prefix + gate_name(apply), apply.gate, trace[apply.outputs[0]])
        for prefix, part in parts
        for apply in squashing(part)
    ]


def draw_saturation(rows: Sequence[Saturation], ax: Any = None) -> Any:
    """A bar for each gate: what is saturated on the left, what is not, what is on the right.

    The axes, for more. Raises PictureError where there is no matplotlib.
    """
    ax = new_axes(7, 1.2 + 0.32 * len(rows)) if ax is None else ax
    places = np.arange(len(rows))
    low = np.array([row.low for row in rows])
    high = np.array([row.high for row in rows])
    parts = (
        ("saturated low", low, VALUE, ""),
        ("not saturated", 1 - low - high, NEUTRAL, ""),
        ("saturated high", high, VALIDATION, "///"),
    )
    left = np.zeros(len(rows))
    for label, shares, color, hatch in parts:
        look = {"color": color, "hatch": hatch, "edgecolor": ax.get_facecolor()}
        ax.barh(places, shares, 0.72, left, label=label, **look)
        left = left + shares
    ax.set_yticks(places, [row.label for row in rows])
    ax.set(
        xlabel="share of values (low: σ < 0.1, tanh < −0.9, dead relu; high: > 0.9)",
        xlim=(0, 1),
        ylim=(len(rows) - 0.4, -0.6),
    )
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, columnspacing=1.2)
    return ax
