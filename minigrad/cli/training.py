"""``minigrad train``: a text in, a run folder out."""

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError
from ..text import CharRNN, RunFolder, Settings, Source, Training, Vocabulary
from ..variables import set_values
from .app import app
from .session import Session

__all__ = ["train"]

# What a network is, which a training that begins with another's weights takes over from it.
_STRUCTURE = ("cell", "hidden", "layers", "level", "layer_norm")
_GIVEN = ("COMMANDLINE", "ENVIRONMENT")  # where options come from that are no defaults
_ON_RESUMING = ("steps", "epochs", "patience")  # how long it goes on, which may be changed


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an option for each field of `Settings`, in place of its ``**settings``.

    before  def train(…, **settings)
    after   def train(…, *, cell: str = "lstm", hidden: int = 128, …), each with its help
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=f.default,
            annotation=Annotated[
                f.type,
                typer.Option(
                    f"--{f.name.replace('_', '-')}",  # without a --no-… beside it
                    help=f.metadata["help"],
                ),
            ],
        )
        for f in fields(Settings)
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *options]}
    return command


@app.command()
@with_settings
def train(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Texts (UTF-8; - is standard input), read as one. "
            "Without any: the manual that Python carries."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="A text, as FILES; may be given several times.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="The run folder; by default runs/NAME-1, -2 …")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run folder, exactly where it stopped.")
    ] = None,
    init_from: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this run folder.")
    ] = None,
    report_every: Annotated[
        int | None, typer.Option(min=1, help="Steps from report to report; a fifth of all.")
    ] = None,
    log_every: Annotated[
        int | None, typer.Option(min=1, help="Steps from line to line in log.jsonl.")
    ] = None,
    detect_nan: Annotated[
        bool, typer.Option("--detect-nan", help="Name the gate where a first NaN appears; slower.")
    ] = False,
    **settings: Any,
) -> None:
    """Train a recurrent network on a text, and write a run folder.

    Ctrl-C saves; --resume goes on.
    """
    given = {n for n in settings if getattr(context.get_parameter_source(n), "name", "") in _GIVEN}
    _check_given(settings, given)
    source = Source.of([*(files or []), *(data or [])])
    if resume is not None:
        if out_dir or init_from:
            raise typer.BadParameter("--resume goes on in its own folder: no --out, no --init-from")
        folder, training, session = _resumed(
            resume, source, {name: settings[name] for name in given}, detect_nan
        )
    else:
        chosen, vocabulary, weights = _start(init_from, settings, given)
        text, source = source.read(chosen.level)
        training, session = Training(text, chosen, vocabulary, detect_nan), {}
        if weights is not None:
            old = {name: p.get_value() for name, p in weights.parameters().items()}
            set_values(training.network.parameters(), old)
        folder = RunFolder.create(
            out_dir or RunFolder.next_free("runs", source.name),
            training,
            source,
            report_every=report_every,
            log_every=log_every,
        )
    raise typer.Exit(Session(training, folder, report_every, log_every, session).run())


def _check_given(settings: dict[str, Any], given: set[str]) -> None:
    """Refuse options that would be ignored."""
    if {"steps", "epochs"} <= given:
        raise typer.BadParameter("--steps and --epochs say the same thing: give one of them")
    for name, of, value in [("words", "level", "word"), ("decay_patience", "schedule", "plateau")]:
        if name in given and settings[of] != value:
            option = name.replace("_", "-")
            raise typer.BadParameter(f"--{option} is for --{of} {value}, not {settings[of]}")


def _start(
    init_from: Path | None, settings: dict[str, Any], given: set[str]
) -> tuple[Settings, Vocabulary | None, CharRNN | None]:
    """The settings of a training that begins, and the vocabulary and weights of another's end."""
    if init_from is None:
        return Settings(**settings), None, None
    network, vocabulary, theirs = RunFolder(init_from).load()
    for name in _STRUCTURE:
        value = getattr(theirs, name)
        if name in given and settings[name] != value:
            raise DataError(f"the network of {init_from} has {name} {value}, not {settings[name]}")
        settings = {**settings, name: value}
    return Settings(**settings), vocabulary, network


def _resumed(
    path: Path, source: Source, given: dict[str, Any], detect_nan: bool
) -> tuple[RunFolder, Training, dict[str, Any]]:
    """A run as it was when it was saved; only how long it goes on may be changed."""
    folder = RunFolder(path)
    settings, vocabulary, known = folder.configuration()
    if others := given.keys() - set(_ON_RESUMING):
        raise DataError(
            f"--resume keeps the settings of the run, such as {', '.join(sorted(others))}: only "
            "steps, epochs or patience may be given (--init-from begins anew with its weights)"
        )
    if "steps" in given:
        given = {"epochs": None, **given}
    settings = replace(settings, **given)
    text, read = Source(source.files or known.files, known.digest).read(settings.level)
    training = Training(text, settings, vocabulary, detect_nan)
    session = folder.resume(training)
    if training.steps < training.done:
        raise DataError(f"the run has done {training.done:,} steps already: nothing was changed")
    folder.save_configuration(settings, vocabulary, read)
    return folder, training, session
