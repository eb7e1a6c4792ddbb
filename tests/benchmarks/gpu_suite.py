"""The cases on a GPU: ours in CuPy, PyTorch's layers in cuDNN, its loop eager and compiled, JAX.

They are the contestants of the CPU, on another device. One that finds no GPU is left out, and the
table says why.
"""

from collections.abc import Callable
from functools import partial

from .cases import LSTM_128, LSTM_512_LONG, MIN_CHAR_RNN, NORMALISED_LSTM, Case
from .report import Table
from .speeds import training
from .worker import Effort, Entry


def contestants(case: Case, builder: str) -> list[Entry]:
    """Ours, and those that run this network; torch.compile's second mode replays CUDA graphs."""
    cuda = {"device": "cuda"}
    found = [Entry("minigrad, CuPy", builder, case, "cupy", settings={"backend": "cupy"})]
    if not case.layer_norm:
        kind = f"PyTorch nn.{case.cell.upper()}, cuDNN"
        found.append(Entry(kind, "pytorch.layers", case, "torch", 0.5, cuda))
    found.append(Entry("PyTorch loop", "pytorch.loop", case, "torch", 8.0, cuda))
    for mode in ("default", "reduce-overhead"):
        label, settings = f"PyTorch loop, torch.compile {mode}", {**cuda, "compiled": mode}
        found.append(Entry(label, "pytorch.loop", case, "torch", settings=settings))
    return [*found, Entry("JAX scan", "jax_scan.scan", case, "jax", 3.0, cuda)]


def table(title: str, case: Case, effort: Effort, builder: str = "ours.layers") -> Table:
    return training(f"{title}, on a GPU", contestants(case, builder), effort)


GPU_SUITE: dict[str, Callable[[Effort], Table]] = {
    "a": partial(
        table, "(a) min-char-rnn: tanh RNN, H=100, T=25, B=1, Adagrad", MIN_CHAR_RNN,
        builder="ours.example",
    ),
    "b": partial(table, "(b) LSTM 2×128, T=50, B=50, V=81, Adam", LSTM_128),
    "k": partial(table, "(k) layer-normalised LSTM 2×128, T=50, B=50, V=81, Adam", NORMALISED_LSTM),
    "l": partial(table, "(l) LSTM 2×512, T=100, B=64, V=98, Adam", LSTM_512_LONG),
}  # fmt: skip
