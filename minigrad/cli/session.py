"""One ``minigrad train`` as it runs: the loop, its progress bar, its reports, and its end."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import DataError, MinigradError, PictureError
from ..picture import plots
from ..text import RunFolder, Sampler, Training
from .app import INTERRUPTED, as_line, out

__all__ = ["Session"]

_REPORTS, _LOG_LINES = 5, 200  # in a training, if it is not too long for so few
_SHORTEST, _LONGEST = 20, 1000  # steps between two reports that nobody asked for
_SHORT, _LONG = 160, 500  # symbols of its samples
_PERIOD = 20  # seconds after which a checkpoint is saved, whether there is a report or not


class Session:
    """Trains to the end, to Ctrl-C or to an error, and keeps the run folder up to date."""

    def __init__(
        self,
        training: Training,
        folder: RunFolder,
        report_every: int | None = None,
        log_every: int | None = None,
        before: dict[str, Any] | None = None,
    ) -> None:
        """`before`: what `save_checkpoint` was told by the session that this one goes on with."""
        self.training, self.folder = training, folder
        self.sampler = Sampler(training.network, training.vocabulary)
        before, steps = before or {}, training.steps
        usual = min(max(_SHORTEST, -(-steps // _REPORTS)), _LONGEST)
        self.report_every = report_every or before.get("report_every") or usual
        usual = min(-(-steps // _LOG_LINES), _SHORTEST)
        self.log_every = log_every or before.get("log_every") or usual
        self.trained_before = self.saved = training.done  # the step of the last checkpoint
        self.saved_at = self.seconds_before = before.get("seconds", 0.0)
        self.started = time.perf_counter()
        self.missing: str | None = None  # what would be needed to draw the losses

    def run(self) -> int:
        """Train to the end, or to Ctrl-C. The exit status."""
        how, status = "done", 0
        try:
            with stopping_when_told():
                out.print(self._described())
                self._train()
        except KeyboardInterrupt:
            how, status = "stopped by you", INTERRUPTED
            self._keep(_LONG)
        except BrokenPipeError:
            raise
        except (MinigradError, OSError, MemoryError) as error:
            raise DataError(
                f"{as_line(error)} (the checkpoint of step {self.saved:,} is in {self.folder.path})"
            ) from None
        self._conclude(how, status)
        return status

    def _described(self) -> str:
        training, s = self.training, self.training.settings
        weights = sum(p.get_value().size for p in training.network.parameters().values())
        unit = training.vocabulary.unit
        text = f"{training.length:,} {unit}, {len(training.vocabulary)} distinct"
        network = f"{s.layers} × {s.cell} of {s.hidden}, {weights:,} weights"
        done = f" (from {training.done:,} on)" if training.done else ""
        return f"{text}\n{network}; {training.steps:,} steps{done} → {self.folder.path}"

    def _train(self) -> None:
        training = self.training
        if self._due():  # a report that was interrupted: its step gets its line now
            self.folder.cut_log(training.done)
        with progress_bar() as bar:
            task = bar.add_task("", total=training.steps, figures="")
            while True:
                if self._due():
                    self._report(_LONG if training.done == training.steps else _SHORT)
                elif self._seconds() > self.saved_at + _PERIOD:
                    self._keep(_SHORT)
                elif training.done % self.log_every == 0 and training.done > self.trained_before:
                    self._log()
                if training.finished:
                    return
                training.step()
                bar.update(task, completed=training.done, figures=self._figures())

    def _due(self) -> bool:
        """Whether a report is due: also one that an interrupted session did not get to."""
        done = self.training.done
        at_end = done == self.training.steps
        known = done == 0 or done in self.training.judgements
        return not known and (at_end or done % self.report_every == 0)

    def _report(self, length: int) -> None:
        """Judge on the text kept back (on as much as was trained on since), save, show a sample."""
        validation = self.training.judge(self.report_every)
        sample = self._keep(length)
        losses = f"loss {self._readable(self._recent())}"
        if validation is not None:
            perplexity = f", perplexity {math.exp(min(validation, 700)):.2f}"
            losses += f", validation {self._readable(validation)}{perplexity}"
        out.print(f"\nstep {self.training.done:,}: {losses}\n{sample}")

    def _keep(self, length: int) -> str:
        """Write it all, the checkpoint last, so that what it tells of is there. The sample."""
        training = self.training
        sample = "".join(self.sampler.stream(length, seed=training.settings.seed))
        self.folder.save_sample(sample)
        if training.best_step in (None, training.done):  # the best so far, or none was judged
            self.folder.save_weights(training.network)
        self._log()
        self._draw()
        self.folder.save_checkpoint(
            training,
            seconds=self._seconds(),
            report_every=self.report_every,
            log_every=self.log_every,
        )
        self.saved, self.saved_at = training.done, self._seconds()
        return sample

    def _log(self) -> None:
        training = self.training
        validation = training.judgements.get(training.done)
        self.folder.log(
            step=training.done,
            seconds=round(self._seconds(), 3),
            train_loss=_short(self._recent()),
            val_loss=_short(validation),
            gradient_norm=_short(training.gradient_norm),
            rate=_short(training.rate),
        )

    def _draw(self) -> None:
        unit = self.training.vocabulary.unit[:-1]
        try:
            self.folder.save_picture(plots.as_svg(plots.loss_curve(self.folder.rows(), unit=unit)))
        except PictureError as error:
            self.missing = error.message

    def _conclude(self, how: str, status: int) -> None:
        training, path = self.training, self.folder.path
        if how == "done" and training.done < training.steps:
            how = f"no new best in {training.waited} reports: stopped"
        lines = [f"\n{how} after {training.done:,} steps, {self._seconds():.0f} s; saved in {path}"]
        if (step := training.best_step) is not None:
            best = f"step {step:,}, validation {self._readable(training.judgements[step])}"
            lines.append(f"best weights: {best}")
        if status == 0 and training.settings.test:
            best_network, _, _ = self.folder.load()
            training.network.load_state({n: p.get_value() for n, p in best_network.state().items()})
            if (test := training.test()) is not None:
                lines.append(f"their loss on the test text: {self._readable(test)}")
        if self.missing:
            lines.append(f"no loss.svg: {self.missing}")
        if status:
            lines.append(f"go on:      minigrad train --resume {quote(str(path))}")
        lines.append(f"more text:  minigrad sample {quote(str(path))} --length 1000")
        out.print("\n".join(lines))

    def _recent(self) -> float | None:
        """The mean loss of the latest steps."""
        latest = self.training.latest
        return float(latest[:, 0].mean()) if len(latest) else None

    def _seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.started

    def _figures(self) -> str:
        s, done = self.training.settings, self.training.done - self.trained_before
        speed = done * s.batch * s.length / (self._seconds() - self.seconds_before)
        return f"loss {self._readable(self._recent())}  {speed:,.0f} {s.level}s/s"

    def _readable(self, nats: float | None) -> str:
        """A loss for reading: in nats, as everywhere else, and in bits."""
        if nats is None:
            return "-"
        return f"{nats:.3f} ({nats / math.log(2):.3f} bits/{self.training.settings.level})"


@contextmanager
def stopping_when_told() -> Iterator[None]:
    """SIGTERM, by which clusters and containers end a program, stops it as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _short(value: float | None) -> float | None:
    """To six digits; JSON has no NaN."""
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")


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
