"""Tables of contestants: their times, and how many times as fast ours is."""

from math import log

from .contest import Result, compete, disagreements
from .report import Table, duration
from .worker import Effort, Entry

STEP = "forward, backward, update, loss read"


def training(title: str, entries: list[Entry], effort: Effort) -> Table:
    """A table of whole training steps, with a check that all learn the same."""
    results = compete(entries, effort)
    table = speeds(title, results)
    case = entries[0].case
    chance = log(case.size) * (1 if case.optimizer == "adam" else case.length)
    known = [r.ready.losses[0] for r in results if r.ready]
    differ = disagreements(results)
    if any("nn." in text for text in differ):
        why = "PyTorch's layers have two biases that both learn, and its Adagrad adds ε elsewhere"
        differ.append(why)
    if known:
        table.notes.append(
            f"One step: {STEP}. First loss {known[0]:.4f} (chance {chance:.4f}); "
            + ("; ".join(differ) or "all agree on it, and on the fifth")
            + "."
        )
    return table


def speeds(title: str, results: list[Result]) -> Table:
    """Medians, and how many times as fast the first of ours that ran is."""
    columns = ["", "median", "fastest round", "minigrad is … times as fast", "goal", "first step"]
    table = Table(title, columns)
    ours = next((r for r in results if r.entry.ours and not r.failure), None)
    for r in results:
        label = r.entry.label
        if r.failure or not r.ready:
            table.notes.append(f"{label} left out: {r.failure.rstrip('.')}.")
            continue
        ratio, goal = "", ""
        if ours and r is not ours:
            ratio = f"{r.median / ours.median:.2f}"
            if r.entry.target:
                goal = f"{r.entry.target:.2f}" + ("" if float(ratio) >= r.entry.target else " ✗")
        first = duration(r.ready.seconds)
        table.rows.append([label, duration(r.median), duration(min(r.rounds)), ratio, goal, first])
    if ours and ours is not results[0]:
        table.notes.append(f"So {ours.entry.label} is what the ratios compare.")
    return table
