"""The command line: ``minigrad train``, ``sample``, ``verify``, ``draw``.

Errors are one clear line and status 2, never a traceback.
"""

import io
import math
import os
import pydoc_data.topics
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from . import __version__
from .errors import DataError, MinigradError
from .functions import exp
from .text import RunFolder, Sampler, Settings, Training
from .tracing import trace
from .variables import Variable, inputs
from .verify import verify_grad

__all__ = ["app", "main"]

app = typer.Typer(
    name="minigrad",
    help="Symbolic autodiff: train a character RNN on a text, check gradients, draw graphs.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
_UsageError: Any = typer.BadParameter.__bases__[0]  # typer has no name for it
_BAD, _INTERRUPTED = 2, 130  # exit statuses; 130 is 128 + SIGINT, as shells have it
_DEFAULTS = Settings()
_PICTURE = Path("circuit.svg")
_RECENT = 20  # steps that the loss shown is the mean of
_REPORTS, _LOG_LINES = 5, 200  # in a training, if it is not too long for so few
_LONGEST_SILENCE = 1000  # steps between two reports
_SHORT, _LONG = 160, 500  # characters of its samples
_PERIOD = 60  # seconds after which weights are saved, whether there is a report or not


def main(args: Sequence[str] | None = None) -> None:
    """The ``minigrad`` command. Always ends in SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a character shows a ?
    with errors_as_lines():
        status = app(args, prog_name="minigrad", standalone_mode=False)
    sys.exit(status)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """What a person can mend is one line on standard error, and status 2."""
    try:
        yield
        sys.stdout.flush()
        return
    except BrokenPipeError:  # who reads our output has enough of it, as in `yes | head -1`
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except (MinigradError, OSError, MemoryError, _UsageError) as error:
        print(f"minigrad: {as_line(error)}", file=sys.stderr)
        status = _BAD
    try:
        sys.stdout.flush()
    except OSError:  # what cannot be written is given up, or Python complains again as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def as_line(error: Any) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError):
        message = error.strerror or str(error)
        message += f": {error.filename}" if error.filename else ""
    elif isinstance(error, MemoryError):
        message = f"not enough memory: {error}"
    elif isinstance(error, _UsageError):
        command = error.ctx.command_path if error.ctx else "minigrad"
        message = f"{error.format_message()} (see {command} --help)"
    else:
        message = error.message
    return " ".join(message.split())


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        print(f"minigrad {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


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
    training = Training(read_text(file), settings)
    path = out_dir or RunFolder.next_free("runs", file.stem if file else "python-manual")
    run = RunFolder.create(path, settings, training.vocabulary, training.network)
    raise typer.Exit(_Session(training, run).run())


def read_text(file: Path | None) -> str:
    """The text of a file, or of Python's own manual. Raises DataError or OSError."""
    if file is None:
        return "\n".join(topic for _, topic in sorted(pydoc_data.topics.topics.items()))
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} is not UTF-8: byte 0x{raw[error.start]:02x} at place {error.start:,}"
        ) from None
    if not text:
        raise DataError(f"{file} is empty")
    return text


class _Session:
    """One ``minigrad train``: the loop, its progress bar, its reports, and its end."""

    def __init__(self, training: Training, run: RunFolder) -> None:
        self.training, self.folder = training, run
        steps = training.settings.steps
        self.report_every = min(max(_RECENT, -(-steps // _REPORTS)), _LONGEST_SILENCE)
        self.log_every = min(-(-steps // _LOG_LINES), _RECENT)
        self.losses: deque[float] = deque(maxlen=_RECENT)
        self.saved, self.saved_at = 0, 0.0  # the step whose weights are in the folder, and when
        self.started = time.perf_counter()

    def run(self) -> int:
        """Train to the end, or to Ctrl-C. The exit status."""
        how, status = "done", 0
        try:
            out.print(self._described())
            self._train()
            self._report(_LONG)
        except KeyboardInterrupt:
            how, status = "stopped by you", _INTERRUPTED
            self._keep(_LONG, None)
        except BrokenPipeError:
            raise
        except (MinigradError, OSError, MemoryError) as error:
            kept = f"the weights of step {self.saved:,} are in {self.folder.path}"
            raise DataError(f"{as_line(error)} ({kept})") from None
        out.print(
            f"\n{how} after {self.training.done:,} steps, {self._seconds():.0f} s; saved in "
            f"{self.folder.path}\nmore text:  minigrad sample {self.folder.path} --length 1000"
        )
        return status

    def _described(self) -> str:
        training, s = self.training, self.training.settings
        weights = sum(p.get_value().size for p in training.network.parameters().values())
        text = f"{training.length:,} characters, {len(training.vocabulary)} distinct"
        network = f"{s.layers} × {s.cell} of {s.hidden}, {weights:,} weights"
        return f"{text}\n{network}; {s.steps:,} steps → {self.folder.path}"

    def _train(self) -> None:
        training, steps = self.training, self.training.settings.steps
        with progress_bar() as bar:
            task = bar.add_task("", total=steps, figures="")
            while training.done < steps:
                self.losses.append(training.step())
                bar.update(task, completed=training.done, figures=self._figures())
                if training.done == steps:
                    return
                if training.done % self.report_every == 0:
                    self._report(_SHORT)
                elif self._seconds() > self.saved_at + _PERIOD:
                    self._keep(_SHORT, None)
                elif training.done % self.log_every == 0:
                    self._log(None)

    def _report(self, length: int) -> None:
        """Judge on the text kept back (on as much as was trained on since), save, show a sample."""
        validation = self.training.validate(self.report_every)
        sample = self._keep(length, validation)
        losses = f"loss {in_bits(self._recent())}"
        if validation is not None:
            losses += f", validation {in_bits(validation)}"
        out.print(f"\nstep {self.training.done:,}: {losses}\n{sample}")

    def _keep(self, length: int, validation: float | None) -> str:
        """Write it all to the folder, but for weights that are no numbers. The sample."""
        training = self.training
        sampler = Sampler(training.network, training.vocabulary)
        sample = "".join(sampler.stream(length, seed=training.settings.seed))
        self.folder.save(training.network)
        self.saved, self.saved_at = training.done, self._seconds()
        self.folder.save_sample(sample)
        self._log(validation)
        return sample

    def _log(self, validation: float | None) -> None:
        self.folder.log(
            step=self.training.done,
            seconds=round(self._seconds(), 3),
            train_loss=round(self._recent(), 6) if self.losses else None,
            val_loss=None if validation is None else round(validation, 6),
        )

    def _recent(self) -> float:
        return sum(self.losses) / len(self.losses)

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _figures(self) -> str:
        s = self.training.settings
        speed = self.training.done * s.batch * s.length / self._seconds()
        return f"loss {in_bits(self._recent())}  {speed:,.0f} chars/s"


def progress_bar() -> Progress:
    """Where the training is, on a terminal; nothing where the output is no terminal."""
    return Progress(
        TextColumn("{task.completed}/{task.total}"),
        BarColumn(bar_width=max(4, out.width - 70)),  # what the rest and an echoed ^C leave
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


def in_bits(nats: float) -> str:
    """A loss for reading: in nats, as everywhere else, and in bits."""
    return f"{nats:.3f} ({nats / math.log(2):.3f} bits/char)"


# ---------------------------------------------------------------- sample


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="A run folder that minigrad train wrote.")],
    prime: Annotated[str, typer.Option(help="The text to go on from.")] = "",
    length: Annotated[int, typer.Option(help="Characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="0: the likeliest; 1: as learnt; above: wilder.")
    ] = 1.0,
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
    raise typer.Exit(0 if right else 1)


@app.command()
def draw(
    file: Annotated[Path, typer.Argument(help="A .svg, .png, .pdf or .dot file.")] = _PICTURE,
) -> None:
    """Draw (x + y) · z with values in blue and gradients in red."""
    cost, at = circuit()
    drawn: Any = trace(cost, at).draw().save(file)
    print(f"wrote {drawn}")
