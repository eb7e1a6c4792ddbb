"""Make `reference.npz`: what PyTorch computes for the cases of `cases.py`, in float64.

    python tests/reference/make.py

where PyTorch is installed (2.13 wrote the file). The tests need the file, and never PyTorch.
Inputs, weights and cotangents are multiples of 1/128, which take little room. Each case draws from
a seed of its own name, so that a new case leaves the others as they are. The gradients are those of
a sum of the outputs, each element weighted with its cotangent.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cases
import numpy as np
import torch
from cases import B, F, H, Recurrence, T
from recurrence import run, shapes
from torch import Tensor, nn
from torch.nn import functional, utils

Tensors = dict[str, Tensor]
Case = dict[str, Tensors]  # role: name: values
FILE = Path(__file__).with_name("reference.npz")


def generator(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def drawn(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.tensor(np.round(64 * rng.normal(size=shape)) / 64, requires_grad=True)


def differentiated(rng: np.random.Generator, outputs: Tensors, wrt: Tensors) -> Case:
    """The outputs, cotangents drawn for them, and the gradients with respect to `wrt`."""
    cotangents = {name: drawn(rng, *v.shape).detach() for name, v in outputs.items()}
    cost = sum((cotangents[name] * v).sum() for name, v in outputs.items())
    gradients = torch.autograd.grad(cost, list(wrt.values()), materialize_grads=True)
    return {
        "outputs": outputs,
        "cotangents": cotangents,
        "gradients": dict(zip(wrt, gradients, strict=True)),
    }


# ---------------------------------------------------------------- recurrent layers


def sequences(
    case: Recurrence, rng: np.random.Generator, lengths: list[int]
) -> tuple[Case, Tensor]:
    """What a layer is given, and which steps are a row's own, (T, B)."""
    number = case.settings.get("num_layers", 1) * case.directions
    sizes = case.state_sizes * number if case.state else []
    given = {"xs": drawn(rng, T, B, F)}
    given |= {f"state {i}": drawn(rng, B, size) for i, size in enumerate(sizes)}
    own = torch.ones(T, B, dtype=torch.bool)
    rows = {}
    if case.rows == "lengths":
        rows["lengths"] = torch.tensor(lengths)
        own = torch.arange(T)[:, None] < rows["lengths"]
    elif case.rows == "mask":
        rows["mask"] = own = torch.tensor(cases.MASK, dtype=torch.bool)
    return {"given": given, "rows": rows}, own


def torch_layer(name: str, case: Recurrence) -> Case:
    rng = generator(name)
    settings = {{"activation": "nonlinearity"}.get(k, k): v for k, v in case.settings.items()}
    layer = getattr(nn, case.kind)(F, H, dtype=torch.float64, **settings)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(0.5 * drawn(rng, *p.shape))
    weights = dict(layer.named_parameters())
    roles, _ = sequences(case, rng, cases.LENGTHS)
    given, lengths = roles["given"], roles["rows"].get("lengths")
    xs, parts = given["xs"], len(case.state_sizes)
    state = [v for key, v in given.items() if key != "xs"]
    together = [torch.stack(state[i::parts]) for i in range(parts)] if state else []
    start = (tuple(together) if parts == 2 else together[0]) if state else None
    if lengths is not None:
        xs = utils.rnn.pack_padded_sequence(xs, lengths, enforce_sorted=False)
    ys, end = layer(xs, start)
    if lengths is not None:
        ys, _ = utils.rnn.pad_packed_sequence(ys, total_length=T)
    end = zip(*end, strict=True) if parts == 2 else ((h,) for h in end)
    flat = [part for cell in end for part in cell]
    outputs = {"ys": ys} | {f"state {i}": part for i, part in enumerate(flat)}
    return {**roles, "weights": weights, **differentiated(rng, outputs, {**given, **weights})}


def loop(name: str, case: Recurrence) -> Case:
    rng = generator(name)
    weights = {key: drawn(rng, *shape) for key, shape in shapes(case).items()}
    roles, own = sequences(case, rng, cases.LENGTHS_AND_AN_EMPTY_ROW)
    noise = {}
    if case.training and "zoneout" in case.settings:
        held = {f"held {i}": rng.random((T, B, n)) < 0.5 for i, n in enumerate(case.state_sizes)}
        noise = {key: torch.tensor(v) for key, v in held.items()}
    elif case.training:
        draws = 2 if case.settings.get("reset_after") is False else 1
        noise["kept"] = torch.tensor(rng.random((draws, B, case.state_sizes[0])) < 0.5)
    given = roles["given"]
    state = [v for key, v in given.items() if key != "xs"]
    ys, *end = run(case, weights, given["xs"], state, own, noise)
    outputs = {"ys": ys} | {f"state {i}": part for i, part in enumerate(end)}
    found = differentiated(rng, outputs, {**given, **weights})
    return {**roles, "noise": noise, "weights": weights, **found}


# ---------------------------------------------------------------- layers and losses


def layer(name: str) -> Case:
    """Weights are transposed to minigrad's (in, out)."""
    rng = generator(name)
    if name == "batch norm":
        return batch_norm(rng)
    if name == "embedding":
        weights = {"weight": drawn(rng, H, F)}
        ids = torch.tensor(rng.integers(H, size=(T, B)))
        y = functional.embedding(ids, weights["weight"])
        given, wrt = {"x": ids}, weights
    else:
        given = {"x": drawn(rng, T, B, F)}
        weights = {"weight": drawn(rng, F) if name == "layer norm" else drawn(rng, F, H)}
        if name == "layer norm":
            weights["bias"] = drawn(rng, F)
            epsilon = cases.LAYER_NORM_EPSILON
            y = functional.layer_norm(given["x"], (F,), *weights.values(), epsilon)
        else:
            weights |= {} if "without" in name else {"bias": drawn(rng, H)}
            y = functional.linear(given["x"], weights["weight"].T, weights.get("bias"))
        wrt = {**given, **weights}
    return {"given": given, "weights": weights, **differentiated(rng, {"y": y}, wrt)}


def batch_norm(rng: np.random.Generator) -> Case:
    """Three batches, the statistics after each, and what is made of a fourth in use."""
    momentum, epsilon = cases.BATCH_NORM["momentum"], cases.BATCH_NORM["epsilon"]
    norm = nn.BatchNorm1d(F, epsilon, momentum, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.copy_(drawn(rng, F))
        norm.bias.copy_(drawn(rng, F))
    weights = dict(norm.named_parameters())
    found: Case = {"weights": weights}
    for number in range(4):
        norm.train(number < 3)
        x = drawn(rng, T, B, F)
        y = norm(x.reshape(T * B, F)).reshape(T, B, F)
        one = differentiated(rng, {"y": y}, {"x": x, **weights})
        one |= {"given": {"x": x}, "running": {k: v.clone() for k, v in norm.named_buffers()}}
        found |= {f"{role} {number}": values for role, values in one.items()}
    return found


def loss(name: str, case: cases.Loss) -> Case:
    rng = generator(name)
    x = drawn(rng, T, B, H)
    targets = {
        "classes": lambda: torch.tensor(rng.integers(H, size=(T, B))),
        "distributions": lambda: torch.tensor(rng.dirichlet(np.ones(H), size=(T, B))),
        "shares": lambda: torch.tensor(rng.random((T, B, H))),
    }[case.targets]()
    more = {} if case.ignored is None else {"ignore_index": case.ignored}
    flat = targets.flatten(0, 1) if case.targets != "shares" else targets
    y = x.flatten(0, 1) if case.targets != "shares" else x
    value = getattr(functional, case.torch)(y, flat, reduction=case.reduce, **more)
    if case.reduce == "none" and case.targets != "shares":
        value = value.reshape(T, B)
    given = {"x": x, "targets": targets}
    return {"given": given, **differentiated(rng, {"value": value}, {"x": x})}


# ---------------------------------------------------------------- optimisers and schedules


def cost_of(p: Tensors, k: Tensor) -> Tensor:
    return 0.5 * (k * (p["a"] - 1) ** 2).sum() + torch.sin(p["a"] @ p["b"]).sum()


def optimiser(name: str, case: cases.Optimiser) -> Case:
    rng = generator(name)
    starts = {"a": drawn(rng, B, F), "b": drawn(rng, F)}
    parameters = {key: nn.Parameter(v.detach().clone()) for key, v in starts.items()}
    k = drawn(rng, F).detach() ** 2
    rule = getattr(torch.optim, case.torch[0])(parameters.values(), **case.torch[1])
    path: dict[str, list[Tensor]] = {key: [] for key in starts}
    for _ in range(5):
        rule.zero_grad()
        cost_of(parameters, k).backward()
        if case.max_norm is not None:
            utils.clip_grad_norm_(parameters.values(), case.max_norm)
        rule.step()
        for key, p in parameters.items():
            path[key].append(p.detach().clone())
    slots = {
        f"{key}.{ours}": rule.state[p][theirs]
        for key, p in parameters.items()
        for ours, theirs in case.slots.items()
    }
    return {
        "given": {**starts, "k": k},
        "outputs": {key: torch.stack(values) for key, values in path.items()},
        "slots": slots,
    }


def clipping(name: str, limit: float) -> Case:
    rng = generator(name)
    grads = {"w": drawn(rng, B, F).detach(), "b": drawn(rng, F).detach()}
    parameters = {key: nn.Parameter(torch.zeros_like(g)) for key, g in grads.items()}
    for key, p in parameters.items():
        p.grad = grads[key].clone()
    norm = {}
    if name == "value":
        utils.clip_grad_value_(parameters.values(), limit)
    else:
        norm = {"norm": utils.clip_grad_norm_(parameters.values(), limit)}
    return {"given": grads, "outputs": {key: p.grad for key, p in parameters.items()} | norm}


def rates(of: Callable[[torch.optim.Optimizer], Callable[[int], None]]) -> Case:
    """The rate of each update, where `of` makes what moves it on."""
    sgd = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=cases.RATE)
    step = of(sgd)
    found = []
    for number in range(cases.STEPS):
        found.append(float(sgd.param_groups[0]["lr"]))
        sgd.step()
        step(number)
    return {"outputs": {"rates": torch.tensor(found, dtype=torch.float64)}}


def schedule(_: str, case: cases.Schedule) -> Case:
    kinds = torch.optim.lr_scheduler

    def of(sgd: torch.optim.Optimizer) -> Callable[[int], None]:
        made = [getattr(kinds, kind)(sgd, **settings) for kind, settings in case.torch]
        chained = kinds.ChainedScheduler(made, optimizer=sgd)
        return lambda _: chained.step()

    return rates(of)


def plateau(_: str, case: cases.Settings) -> Case:
    def of(sgd: torch.optim.Optimizer) -> Callable[[int], None]:
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            sgd,
            factor=case["factor"],
            patience=case["patience"] - 1,  # there it falls after more than so many
            threshold=0.0,
            min_lr=case.get("least", 0.0),
        )
        return lambda number: scheduler.step(cases.OBSERVED[number])

    return rates(of)


# ---------------------------------------------------------------- the file


def groups() -> Iterator[tuple[str, dict[str, Case]]]:
    yield "torch layers", {n: torch_layer(n, case) for n, case in cases.TORCH_LAYERS.items()}
    yield "loops", {n: loop(n, case) for n, case in cases.LOOPS.items()}
    yield "layers", {n: layer(n) for n in cases.LAYERS}
    yield "losses", {n: loss(n, case) for n, case in cases.LOSSES.items()}
    yield "optimisers", {n: optimiser(n, case) for n, case in cases.OPTIMISERS.items()}
    yield "clipping", {n: clipping(n, limit) for n, limit in cases.CLIPPING.items()}
    yield "schedules", {n: schedule(n, case) for n, case in cases.SCHEDULES.items()}
    yield "plateaus", {n: plateau(n, case) for n, case in cases.PLATEAUS.items()}


def write(path: Path) -> None:
    """All arrays end to end in `values`, and in `index` the place and shape of each."""
    values: list[np.ndarray] = []
    at = 0

    def placed(v: Tensor) -> tuple[int, list[int]]:
        nonlocal at
        values.append(v.detach().numpy().astype(np.float64).ravel())
        at += values[-1].size
        return at - values[-1].size, list(v.shape)

    index = {
        group: {
            name: {role: {key: placed(v) for key, v in kept.items()} for role, kept in case.items()}
            for name, case in found.items()
        }
        for group, found in groups()
    }
    np.savez_compressed(path, values=np.concatenate(values), index=np.array(json.dumps(index)))


if __name__ == "__main__":
    write(FILE)
