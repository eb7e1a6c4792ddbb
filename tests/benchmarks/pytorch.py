"""PyTorch: the layers of `torch.nn`, and a Python loop over the equations of the cell, eager or
compiled. The device is "cpu" or "cuda"; a GPU computes in float32 throughout, not in TF32."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .cases import Case

Step = Callable[[], float]


class Layers(nn.Module):
    """`nn.RNN`, `nn.LSTM` or `nn.GRU`, on one-hot characters."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[case.cell]
        self.recurrent = kind(case.size, case.hidden, case.layers)
        self.readout = nn.Linear(case.hidden, case.size)
        weights = {name: torch.from_numpy(v) for name, v in case.weights().items()}
        with torch.no_grad():
            for layer in range(case.layers):
                for name in ("weight_ih", "weight_hh"):
                    getattr(self.recurrent, f"{name}_l{layer}").copy_(weights[f"{layer}.{name}"].T)
                    getattr(self.recurrent, f"bias_{name[-2:]}_l{layer}").zero_()
            self.readout.weight.copy_(weights["readout.weight"].T)
            self.readout.bias.zero_()

    def forward(self, xs: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        if not isinstance(self.recurrent, nn.LSTM):
            ys, end = self.recurrent(xs, torch.stack(state))
            return self.readout(ys), list(end)
        ys, (h, c) = self.recurrent(xs, (torch.stack(state[::2]), torch.stack(state[1::2])))
        return self.readout(ys), [part for pair in zip(h, c, strict=True) for part in pair]


def rnn(v: dict[str, Tensor], x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    return (torch.tanh(x @ v["weight_ih"] + h @ v["weight_hh"] + v["bias"]),)


def lstm(v: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    i, f, g, o = (x @ v["weight_ih"] + h @ v["weight_hh"] + v["bias"]).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def normalised_lstm(v: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    def normalised(a: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
        return functional.layer_norm(a, a.shape[-1:], gain, bias, eps=1e-5)

    from_x = normalised(x @ v["weight_ih"], v["gain_ih"])
    a = from_x + v["bias"] + normalised(h @ v["weight_hh"], v["gain_hh"])
    i, f, g, o = a.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(normalised(c, v["norm_c.weight"], v["norm_c.bias"])), c


def gru(v: dict[str, Tensor], x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    x_r, x_z, x_n = (x @ v["weight_ih"] + v["bias"]).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ v["weight_hh"]).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * (h_n + v["bias_hn"]))
    return ((1 - z) * n + z * h,)


def lstm_by_gate(v: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    i, f, g, o = (
        x @ v[f"weight_ih.{gate}"] + h @ v[f"weight_hh.{gate}"] + v[f"bias.{gate}"]
        for gate in "ifgo"
    )
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


class Loop(nn.Module):
    """A loop over time, and in each step over the layers."""

    def __init__(self, case: Case, cell: Callable[..., tuple[Tensor, ...]], by_gate: bool) -> None:
        super().__init__()
        self.cell, self.by_gate, self.parts = cell, by_gate, case.parts
        weights = case.weights_by_gate() if by_gate else case.weights()
        self.layers = [{} for _ in range(case.layers)]
        self.readout = nn.Linear(case.hidden, case.size)
        for name, value in weights.items():
            place, _, rest = name.partition(".")
            if place == "readout":
                with torch.no_grad():
                    getattr(self.readout, rest).copy_(torch.from_numpy(value.T))
                continue
            self.layers[int(place)][rest] = p = nn.Parameter(torch.from_numpy(value))
            self.register_parameter(name.replace(".", "_"), p)

    def forward(self, xs: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        ys = []
        for x in xs:
            new: list[Tensor] = []
            for i, v in enumerate(self.layers):
                parts = self.cell(v, x, *state[i * self.parts : (i + 1) * self.parts])
                x = parts[0]
                new += parts
            state = new
            ys.append(self.readout(x) if self.by_gate else x)
        stacked = torch.stack(ys)
        return (stacked if self.by_gate else self.readout(stacked)), state


def layers(case: Case, device: str = "cpu") -> Step:
    return _stepping(Layers(case), case, device)


def loop(case: Case, device: str = "cpu", compiled: str | None = None) -> Step:
    """`compiled` is a mode of `torch.compile`, or None for an eager loop."""
    cell = normalised_lstm if case.layer_norm else CELLS[case.cell]
    return _stepping(Loop(case, cell, False), case, device, compiled)


def one_matrix_per_gate(case: Case, device: str = "cpu") -> Step:
    return _stepping(Loop(case, lstm_by_gate, True), case, device)


def _stepping(model: nn.Module, case: Case, device: str, compiled: str | None = None) -> Step:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model.to(device)
    parameters = list(model.parameters())
    adam = case.optimizer == "adam"
    if adam:
        optimizer: Any = torch.optim.Adam(parameters, lr=case.rate)
    else:  # its ε is added to √s: 1e-4 there is nearest to √(s + 1e-8)
        optimizer = torch.optim.Adagrad(parameters, lr=case.rate, eps=1e-4)
    batches: Iterator[Any] = case.batches()
    state = [torch.from_numpy(part).to(device) for part in case.zero_state()]
    forward = torch.compile(model, mode=compiled) if compiled else model
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def step() -> float:
        nonlocal state
        ids, targets = (torch.from_numpy(part).to(device) for part in next(batches))
        optimizer.zero_grad()
        logits, state = forward(functional.one_hot(ids, case.size).float(), state)
        # In the mode "reduce-overhead" the next step writes over what this one returned
        state = [part.detach().clone() if compiled else part.detach() for part in state]
        loss = functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), reduction="mean" if adam else "sum"
        )
        loss.backward()
        if adam:
            nn.utils.clip_grad_norm_(parameters, 5.0)
        else:
            nn.utils.clip_grad_value_(parameters, 5.0)
        optimizer.step()
        found = loss.item()
        wait()
        return found

    return step


def circuit(case: None = None) -> Step:
    """(x + y) · z and its gradients, eager."""

    def step() -> float:
        x, y, z = (torch.tensor(v, requires_grad=True) for v in (-2.0, 5.0, -4.0))
        f = (x + y) * z
        f.backward()
        values = [v.item() for v in (f, x.grad, y.grad, z.grad)]
        return values[0]

    return step
