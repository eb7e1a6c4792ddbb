"""Recurrent layers as plain loops in PyTorch, from the formulas of the papers that minigrad names.

Weights have minigrad's names and layout: x (B, F) times W (F, gates · H).
"""

from collections.abc import Callable
from typing import Any

import torch
from cases import F, H, P, Recurrence
from torch import Tensor
from torch.nn.functional import layer_norm

Tensors = dict[str, Tensor]
State = tuple[Tensor, ...]
EPSILON = 1e-5


def shapes(case: Recurrence) -> dict[str, tuple[int, ...]]:
    """The shapes of all weights, by minigrad's names."""
    found = {}
    size, (output, *_) = F, case.state_sizes
    for number in range(case.settings.get("num_layers", 1)):
        of_cell = cell_shapes(case, size, output)
        for place in places(case):
            found |= {f"layers.{number}.{place}.{name}": s for name, s in of_cell.items()}
        both = case.directions == 2 and case.settings.get("merge", "concat") == "concat"
        size = 2 * output if both else output
    return found


def cell_shapes(case: Recurrence, size: int, output: int) -> dict[str, tuple[int, ...]]:
    settings = case.settings
    columns = {"RNN": 1, "LSTM": 4, "GRU": 3, "MinGRU": 2, "MinLSTM": 3}[case.kind] * H
    if case.kind.startswith("Min"):
        return {"weight": (size, columns), "bias": (columns,)}
    found: dict[str, tuple[int, ...]] = {
        "weight_ih": (size, columns),
        "weight_hh": (output, columns),
        "bias": (columns,),
    }
    if settings.get("layer_norm"):
        found |= {"gain_ih": (columns,), "gain_hh": (columns,)}
        if case.kind == "LSTM":
            found |= {"norm_c.weight": (H,), "norm_c.bias": (H,)}
    if settings.get("learned_state"):
        found |= {f"initial.{i}": (n,) for i, n in enumerate(case.state_sizes)}
    if settings.get("proj_size"):
        found["weight_hr"] = (H, P)
    if settings.get("peepholes"):
        found["peephole"] = (3 * H,)
    if case.kind == "GRU" and settings.get("reset_after", True):
        found["bias_hn"] = (H,)
    return found


def places(case: Recurrence) -> tuple[str, ...]:
    """Where the cells of a layer are."""
    return ("cell",) if case.directions == 1 else ("forward.cell", "backward.cell")


class Cell:
    """One cell's weights and settings, and what was drawn for it."""

    def __init__(self, case: Recurrence, weights: Tensors, noise: Tensors) -> None:
        self.case, self.w, self.noise = case, weights, noise
        self.draws = 0

    def setting(self, name: str) -> Any:
        return self.case.settings.get(name)

    def normed(self, a: Tensor, gain: Tensor) -> Tensor:
        return layer_norm(a, a.shape[-1:], eps=EPSILON) * gain if self.setting("layer_norm") else a

    def of_input(self, x: Tensor) -> Tensor:
        return self.normed(x @ self.w["weight_ih"], self.w.get("gain_ih")) + self.w["bias"]

    def of_state(self, h: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The products of some gates; each call of a step drops with a mask of its own."""
        columns = slice(start * H, None if stop is None else stop * H)
        p = self.setting("recurrent_dropout")
        if p and self.case.training:
            kept = self.noise["kept"]
            h = h * kept[self.draws % len(kept)] / (1 - p)
            self.draws += 1
        gain = self.w["gain_hh"][columns] if self.setting("layer_norm") else None
        return self.normed(h @ self.w["weight_hh"][:, columns], gain)

    def rnn(self, x: Tensor, h: Tensor) -> State:
        f = torch.relu if self.setting("activation") == "relu" else torch.tanh
        return (f(self.of_input(x) + self.of_state(h)),)

    def lstm(self, x: Tensor, h: Tensor, c: Tensor) -> State:
        i, f, g, o = (self.of_input(x) + self.of_state(h)).chunk(4, -1)
        if self.setting("peepholes"):
            p_i, p_f, p_o = self.w["peephole"].chunk(3)
            i, f = i + p_i * c, f + p_f * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if self.setting("peepholes"):
            o = o + p_o * c
        seen = c
        if self.setting("layer_norm"):
            seen = layer_norm(c, (H,), self.w["norm_c.weight"], self.w["norm_c.bias"], EPSILON)
        h = torch.sigmoid(o) * torch.tanh(seen)
        return (h @ self.w["weight_hr"] if self.setting("proj_size") else h), c

    def gru(self, x: Tensor, h: Tensor) -> State:
        x_r, x_z, x_n = self.of_input(x).chunk(3, -1)
        if self.setting("reset_after") is False:
            h_r, h_z = self.of_state(h, 0, 2).chunk(2, -1)
            r = torch.sigmoid(x_r + h_r)
            n = torch.tanh(x_n + self.of_state(r * h, 2))
        else:
            h_r, h_z, h_n = self.of_state(h).chunk(3, -1)
            r = torch.sigmoid(x_r + h_r)
            n = torch.tanh(x_n + r * (h_n + self.w["bias_hn"]))
        z = torch.sigmoid(x_z + h_z)
        return ((1 - z) * n + z * h,)

    def min_gru(self, x: Tensor, h: Tensor) -> State:
        z, new = (x @ self.w["weight"] + self.w["bias"]).chunk(2, -1)
        z = torch.sigmoid(z)
        return ((1 - z) * h + z * new,)

    def min_lstm(self, x: Tensor, h: Tensor) -> State:
        f, i, new = (x @ self.w["weight"] + self.w["bias"]).chunk(3, -1)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        return ((f * h + i * new) / (f + i),)

    def __call__(self, t: int, x: Tensor, old: State) -> State:
        """The step of time t, and zoneout."""
        steps: dict[str, Callable[..., State]] = {
            "RNN": self.rnn,
            "LSTM": self.lstm,
            "GRU": self.gru,
            "MinGRU": self.min_gru,
            "MinLSTM": self.min_lstm,
        }
        new = steps[self.case.kind](x, *old)
        shares = self.setting("zoneout") or 0.0
        shares = shares if isinstance(shares, tuple) else (shares,) * len(new)
        return tuple(
            self.zoned_out(f"held {part}", t, p, *pair)
            for part, (p, pair) in enumerate(zip(shares, zip(new, old, strict=True), strict=True))
        )

    def zoned_out(self, name: str, t: int, p: float, new: Tensor, old: Tensor) -> Tensor:
        if not p:
            return new
        if not self.case.training:
            return p * old + (1 - p) * new
        return torch.where(self.noise[name][t] > 0, old, new)


def loop(cell: Cell, xs: Tensor, state: State, own: Tensor, reverse: bool) -> tuple[Any, State]:
    """All outputs, and the last state, of rows with `own` (T, B) steps."""
    steps = range(len(xs))
    ys: list[Any] = [None] * len(xs)
    for t in reversed(steps) if reverse else steps:
        here = own[t, :, None]
        new = cell(t, xs[t], state)
        ys[t] = torch.where(here, new[0], torch.zeros_like(new[0]))
        state = tuple(torch.where(here, n, o) for n, o in zip(new, state, strict=True))
    return torch.stack(ys), state


def last(ys: Tensor, own: Tensor, reverse: bool) -> Tensor:
    """The output of each row's own last step, zeros where it has none."""
    rows = []
    for b in range(ys.shape[1]):
        steps = torch.nonzero(own[:, b]).flatten()
        rows.append(ys[steps[0 if reverse else -1], b] if len(steps) else 0 * ys[0, b])
    return torch.stack(rows)


MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda a, b: torch.cat([a, b], -1),
    "sum": torch.add,
    "multiply": torch.mul,
    "average": lambda a, b: (a + b) / 2,
}


def run(
    case: Recurrence, weights: Tensors, xs: Tensor, state: list[Tensor], own: Tensor, noise: Tensors
) -> list[Tensor]:
    """[ys, *the parts of the last state], layer by layer and forward before backward."""
    parts, left = len(case.state_sizes), list(state)
    layers, final = case.settings.get("num_layers", 1), []
    for number in range(layers):
        outputs = []
        for place in places(case):
            prefix = f"layers.{number}.{place}."
            ours = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
            if left:
                start, left = tuple(left[:parts]), left[parts:]
            else:
                sizes = enumerate(case.state_sizes)
                zeros = [torch.zeros(xs.shape[1], n, dtype=xs.dtype) for _, n in sizes]
                start = tuple(z + ours.get(f"initial.{i}", 0.0) for i, z in enumerate(zeros))
            reverse = place == "backward.cell" or bool(case.settings.get("reverse"))
            ys, end = loop(Cell(case, ours, noise), xs, start, own, reverse)
            if number == layers - 1 and case.settings.get("return_sequences") is False:
                ys = last(ys, own, reverse)
            outputs.append(ys)
            final += end
        merge = MERGES[case.settings.get("merge", "concat")]
        xs = outputs[0] if len(outputs) == 1 else merge(*outputs)
    return [xs, *final]
