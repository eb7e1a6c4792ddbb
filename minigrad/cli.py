"""The command line: ``minigrad train``, ``sample``, ``verify``, ``draw``.

Errors are one clear line and status 2, never a traceback.
"""

import math
import pydoc_data.topics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from . import __version__
from .errors import DataError, MinigradError
from .functions import exp
from .graph import Variable, inputs
from .text import RunFolder, Sampler, Settings, Training
from .tracing import trace
from .verify import verify_grad

__all__ = ["app", "main"]

app = typer.Typer(
    name="minigrad",
    help="A symbolic autodiff micro-framework: train a character RNN, check gradients, draw graphs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False, soft_wrap=True)
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_DEFAULTS = Settings()
_RECENT = 20  # steps that the loss shown is the mean of


def main() -> None:
    """The ``minigrad`` command."""
    with errors_as_lines():
        app()


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """What a person can mend is one line on standard error, and status 2."""
    try:
        yield
    except MinigradError as error:
        sys.exit(_failed(" ".join(error.message.split())))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        sys.exit(_failed(f"{error.strerror or error}{where}"))


def _failed(message: str) -> int:
    print(f"minigrad: {message}", file=sys.stderr)
    return 2


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show it.")] = False) -> None:
    if version:
        print(f"minigrad {__version__}")
        raise typer.Exit


# ---------------------------------------------------------------- train


@app.command()
def train(
    file: Annotated[
        Path | None,
        typer.Argument(help="A text file (UTF-8). Without one: the manual that Python carries."),
    ] = None,
    cell: Annotated[str, typer.Option(help="rnn, lstm or gru.")] = _DEFAULTS.cell,
    hidden: Annotated[int, typer.Option(help="Units in each layer.")] = _DEFAULTS.hidden,
    layers: Annotated[int, typer.Option(help="Recurrent layers.")] = _DEFAULTS.layers,
    length: Annotated[int, typer.Option(help="Characters in a step of training.")] = 50,
    batch: Annotated[int, typer.Option(help="Texts read side by side.")] = _DEFAULTS.batch,
    steps: Annotated[int, typer.Option(help="Updates of the weights.")] = _DEFAULTS.steps,
    optimizer: Annotated[
        str, typer.Option(help="sgd, adagrad, rmsprop, adam or adamw.")
    ] = _DEFAULTS.optimizer,
    lr: Annotated[float | None, typer.Option(help="Learning rate; the optimizer's usual.")] = None,
    clip: Annotated[float, typer.Option(help="Greatest gradient norm; 0: any.")] = _DEFAULTS.clip,
    dropout: Annotated[float, typer.Option(help="Share dropped between layers.")] = 0.0,
    validation: Annotated[float, typer.Option(help="Share kept from training.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of weights, dropout and samples.")] = _DEFAULTS.seed,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="The run folder; by default runs/NAME-1, -2 …")
    ] = None,
) -> None:
    """Train a character RNN on a text, and write a run folder."""
    settings = Settings(
        cell=cell, hidden=hidden, layers=layers, length=length, batch=batch, steps=steps,
        optimizer=optimizer, lr=lr, clip=clip, dropout=dropout, seed=seed, validation=validation,
    )  # fmt: skip
    text = read_text(file)
    training = Training(text, settings)
    path = out_dir or RunFolder.next_free("runs", file.stem if file else "python-manual")
    run = RunFolder.create(path, settings, training.vocabulary)
    weights = sum(p.get_value().size for p in training.network.parameters().values())
    out.print(
        f"{len(text):,} characters, {len(training.vocabulary)} distinct; "
        f"{layers} × {cell} of {hidden}, {weights:,} weights; {steps:,} steps → {run.path}"
    )
    sys.exit(_Session(training, run).run())


def read_text(file: Path | None) -> str:
    """The text of a file, or of Python's own manual. Raises DataError or OSError."""
    if file is None:
        return "\n".join(topic for _, topic in sorted(pydoc_data.topics.topics.items()))
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} is not UTF-8: byte 0x{raw[error.start]:02x} at place {error.start:,}"
        ) from None
    if not text:
        raise DataError(f"{file} is empty")
    return text.replace("\r\n", "\n")


class _Session:
    """One ``minigrad train``: the loop, its progress bar, its reports, and its end."""

    def __init__(self, training: Training, run: RunFolder) -> None:
        self.training, self.run_folder = training, run
        self.steps = training.settings.steps
        self.report_every = max(1, -(-self.steps // 5))
        self.log_every = max(1, self.steps // 200)
        self.losses: list[float] = []
        self.started = time.perf_counter()

    def run(self) -> int:
        """Train to the end, or to Ctrl-C. The exit status."""
        interrupted = False
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=out,
            transient=True,
        ) as progress:
            task = progress.add_task("training", total=self.steps, figures="")
            try:
                while self.training.done < self.steps:
                    self.losses.append(self.training.step())
                    self._after_step()
                    progress.update(
                        task, completed=self.training.done, figures=figures(self._recent(), self._speed())
                    )
            except KeyboardInterrupt:
                interrupted = True
        return self._finish(interrupted)

    def _recent(self) -> float:
        recent = self.losses[-_RECENT:]
        return sum(recent) / len(recent)

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _speed(self) -> float:
        settings = self.training.settings
        return self.training.done * settings.batch * settings.length / self._seconds()

    def _after_step(self) -> None:
        done = self.training.done
        if done < self.steps and done % self.report_every == 0:
            self._report(final=False)
        elif done % self.log_every == 0 and done < self.steps:
            self._log(None)

    def _log(self, validation: float | None) -> None:
        self.run_folder.log(
            step=self.training.done,
            seconds=round(self._seconds(), 3),
            train_loss=round(self._recent(), 6),
            val_loss=None if validation is None else round(validation, 6),
        )

    def _report(self, final: bool) -> str:
        """Save, judge on the text kept back, and show a sample."""
        training = self.training
        self.run_folder.save(training.network)
        validation = training.validate()
        self._log(validation)
        sampler = Sampler(training.network, training.vocabulary)
        sample = "".join(sampler.stream(500 if final else 160, seed=training.settings.seed))
        shown = "" if validation is None else f", validation {in_bits(validation)}"
        out.print(f"\nstep {training.done:,}: {in_bits(self._recent())}{shown}", markup=False)
        out.print(sample, markup=False)
        return sample

    def _finish(self, interrupted: bool) -> int:
        path = self.run_folder.path
        if not self.training.done:
            out.print(f"stopped before the first step; {path} has no weights", markup=False)
            return _INTERRUPTED
        self.run_folder.save_sample(self._report(final=True))
        how = "stopped by you" if interrupted else "done"
        out.print(
            f"\n{how} after {self.training.done:,} steps, {self._seconds():.0f} s; saved in {path}\n"
            f"more text:  minigrad sample {path} --length 1000",
            markup=False,
        )
        return _INTERRUPTED if interrupted else 0


def in_bits(nats: float) -> str:
    """A loss for reading: nats and bits a character."""
    return f"{nats:.3f} nats = {nats / math.log(2):.3f} bits a character"


def figures(loss: float, speed: float) -> str:
    """What the progress bar shows beside the bar."""
    return f"loss {loss:.3f}  {loss / math.log(2):.3f} bits/char  {speed:,.0f} chars/s"


# ---------------------------------------------------------------- sample


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="A run folder that minigrad train wrote.")],
    prime: Annotated[str, typer.Option(help="The text to go on from.")] = "",
    length: Annotated[int, typer.Option(help="Characters to write.")] = 500,
    temperature: Annotated[float, typer.Option(help="0 the likeliest, 1 as learnt, more: wilder.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same text.")] = None,
) -> None:
    """Write text with a trained network."""
    network, vocabulary, _ = RunFolder(run).load()
    pieces = Sampler(network, vocabulary).stream(length, prime, temperature, seed)
    sys.stdout.write(prime)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


# ---------------------------------------------------------------- verify, draw


def circuit() -> tuple[Variable, dict[Variable, float]]:
    """f = (x + y) · z at x=-2, y=5, z=-4."""
    x, y, z = inputs("x y z")
    q = (x + y).named("q")
    return (q * z).named("f"), {x: -2.0, y: 5.0, z: -4.0}


def neuron() -> tuple[Variable, dict[Variable, float]]:
    """A sigmoid neuron from add, multiply, exp and divide: 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))."""
    w0, x0, w1, x1, w2 = inputs("w0 x0 w1 x1 w2")
    f = 1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2)))
    return f.named("f"), {w0: 2.0, x0: -1.0, w1: -3.0, x1: -2.0, w2: -3.0}


@app.command()
def verify() -> None:
    """Check gradients of the lecture's circuits against finite differences."""
    right = True
    for title, (cost, at) in {
        "f = (x + y) · z": circuit(),
        "f = 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))": neuron(),
    }.items():
        report = verify_grad(cost, at)
        right = right and bool(report)
        print(f"{title}\n{report}\n")
    sys.exit(0 if right else 1)


@app.command()
def draw(
    file: Annotated[
        Path, typer.Argument(help="Where to: .svg, .png, .pdf or .dot.")
    ] = Path("circuit.svg"),
) -> None:
    """Draw (x + y) · z with values in blue and gradients in red."""
    cost, at = circuit()
    drawn: Any = trace(cost, at).draw().save(file)
    print(f"wrote {drawn}")
