"""neurarium search"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, make_dataclass
from pathlib import Path
from typing import Any, Literal

from neurarium.cli import pictures
from neurarium.cli.arguments import emit, parse
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings

USAGE = """usage: neurarium search SYSTEM[,SYSTEM...] [--over KNOB=VALUES ...] [--flags]
       neurarium search --resume FOLDER

neurarium search mlp --over lr=1e-4:1e-1:log hidden=64,64x64,none dropout=0,0.2 --trials 20
neurarium search mlp --over seed=0,1,2,3,4            random restarts
neurarium search mlp --folds 5                        cross-validation; --folds loo leaves one out
neurarium search mlp --over lr=1e-4:1e-1:log:7        a grid of seven rates
neurarium search mlp,logistic-regression --over data=digits:100,digits:300,digits:1000
neurarium search mlp --find-lr                        the learning-rate range test

VALUES   a,b,c            these values; 64x64 is a tuple, none the empty one
         LOW:HIGH         drawn evenly between the two; LOW:HIGH:log evenly in the logarithm
         LOW:HIGH:log:7   the 7 values that cut the range evenly
Settings are compared on the validation split, or by --folds; only the best is measured on the test split, once.
neurarium search SYSTEM --help shows all flags, those of the system among them."""

NOTHING: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choosing:
    over: tuple[str, ...] = NOTHING
    """What to search: lr=1e-4:1e-1:log hidden=64,64x64 dropout=0:0.5; `neurarium search --help` says how."""
    method: Literal["auto", "grid", "random", "tpe"] = "auto"
    """grid: all combinations; random; tpe: Optuna (extra `search`); auto: a grid of lists, else random."""
    trials: int = 0
    """Settings to try, of each system; 0: all of a grid, 20 otherwise."""
    folds: str = "0"
    """Score each setting by so many folds of train and validation items; loo: leave one out; 0: validation split."""
    prune: Literal["none", "median", "halving"] = "none"
    """End trials whose validation curve falls behind: the median rule, or successive halving."""
    measure: str = ""
    """What to choose by, such as accuracy or error:min; the system's own goal if left out."""
    find_lr: bool = False
    """Raise the learning rate until the loss explodes, and propose one well below; trains no run."""


@dataclass(frozen=True, kw_only=True)
class Output:
    json: bool = False
    """One JSON object on standard output, all else on standard error."""


@dataclass(frozen=True, kw_only=True)
class Resume:
    resume: str
    """Folder of a search that was stopped, such as runs/search-001."""
    json: bool = False
    """One JSON object on standard output, all else on standard error."""


class Bar:
    """A terminal that shows training rows as a bar over the whole search, or not at all where there is no bar."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal

    def say(self, text: str) -> None:
        self.terminal.say(text)

    def row(self, row: dict[str, Any], step: int, steps: int) -> None:
        if self.terminal.live:
            self.terminal.row(row, step, steps)


def run(words: Sequence[str]) -> int:
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if not words or (words[0].startswith("-") and not words[0].startswith("--resume")):
        raise UserError("Name the system to search, for example: neurarium search mlp --over lr=1e-4:1e-1:log.")
    from neurarium.cli.interrupted import say
    from neurarium.train import ranks
    from neurarium.train.fit import Interrupted

    try:
        if words[0].startswith("--resume"):
            return _resume(words)
        return _search(words[0], words[1:])
    except Interrupted as stop:
        return say(stop)
    finally:
        ranks.stop()


def _resume(words: Sequence[str]) -> int:
    args = parse(Resume, words, verb="search", description="Go on with a search that was stopped.")
    from neurarium import search
    from neurarium.recipes.find import find
    from neurarium.train.screen import Terminal

    with Terminal() as terminal:
        found = search.resume(args.resume, find=find, screen=Bar(terminal))
    return _finish(found, args.json)


def _search(names: str, words: Sequence[str]) -> int:
    from neurarium.recipes.find import find

    sources = names.split(",")
    parsed = [_parse(find(name), name, words) for name in sources]
    choosing, settings, output = parsed[0].choosing, parsed[0].engine, parsed[0].output
    recipes = tuple(args.recipe for args in parsed)
    if choosing.find_lr:
        return _find_rate(recipes, choosing, settings, output.json)
    if not choosing.over and choosing.folds == "0" and len(recipes) == 1:
        raise UserError(
            f"There is nothing to search. Say over what, for example: neurarium search {names} --over "
            "lr=1e-4:1e-1:log, or use --folds 5 to cross-validate it as it stands, or --find-lr."
        )
    from neurarium import search
    from neurarium.search.space import read
    from neurarium.train.screen import Terminal

    if choosing.folds != "loo" and not choosing.folds.isdecimal():
        raise UserError(f"--folds is a number or loo, received {choosing.folds!r}.")
    options = {name: getattr(choosing, name) for name in ("method", "trials", "prune", "measure")}
    with Terminal() as terminal:
        found = search.search(
            recipes,
            over=read(choosing.over, recipes),
            folds="loo" if choosing.folds == "loo" else int(choosing.folds),
            settings=settings,
            screen=Bar(terminal),
            sources=sources,
            **options,
        )
    return _finish(found, output.json)


def _parse(kind: type[Recipe], name: str, words: Sequence[str]) -> Any:
    fields: list[tuple[str, type]] = [("choosing", Choosing), ("recipe", kind), ("engine", Settings)]
    both = make_dataclass("Arguments", [*fields, ("output", Output)])
    return parse(both, words, verb=f"search {name}", description=f"Choose knobs of {name} by validation.")


def _find_rate(recipes: tuple[Recipe, ...], choosing: Choosing, settings: Settings, as_json: bool) -> int:
    from neurarium.plots.search import rate_test
    from neurarium.search.learning_rate import find_rate

    if choosing.over or len(recipes) != 1:
        raise UserError("--find-lr tests one system as it stands. Leave --over and the other systems out.")
    found = find_rate(recipes[0], settings=settings)
    figure = rate_test(found.rates, found.losses, found.smooth, proposed=found.proposed)
    name = f"{recipes[0].name}-learning-rate"
    (file,) = pictures.write(settings.runs, {name: figure}, advice=" Name another folder with --runs.")
    if as_json:
        emit({**asdict(found), "picture": file})
    else:
        print(f"Try a learning rate of {found.proposed:.2g}: a tenth of where the loss was smallest.\nPicture: {file}")
    return 0


def _finish(found: Any, as_json: bool) -> int:
    """The table, the pictures, and what the best trial measures on the test split."""
    files = pictures.write(found.path / "pictures", _pictures(found), advice="")
    if found.run and not (Path(found.run) / "report.html").exists():
        from neurarium import api

        api.write_run_report(api.open_run(found.run))
    if as_json:
        emit(
            {
                "search": str(found.path),
                "measure": found.goal.measure,
                "trials": [_row(trial) for trial in found.ranked],
                "best": _row(found.best),
                "test": found.test,
                "run": found.run,
                "pictures": files,
            }
        )
        return 0
    _print(found)
    if found.test:
        words = "  ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in found.test.items())
        print(f"Test, of the best alone: {words}\nRun: {found.run}\nReport: {found.run}/report.html")
    if files:
        print(f"Pictures: {', '.join(files)}")
    print(f"Search: {found.path}")
    return 0


def _row(trial: Any) -> dict[str, Any]:
    """A trial for --json; its curve is in its runs."""
    row = {**asdict(trial), "score": trial.score, "deviation": trial.deviation}
    return {name: value for name, value in row.items() if name != "curve"}


def _print(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from neurarium.search.study import said

    several = len(found.header["systems"]) > 1
    folds = found.header["folds"]
    table = Table(box=None, header_style="bold")
    headings = ["rank", *["system"] * several, *(name.replace("_", " ") for name in found.space)]
    headings += [f"{found.goal.split} {found.goal.measure}", *["deviation"] * bool(folds), "seconds", "run", ""]
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("system", "run", "") else "right")
    for rank, trial in enumerate(found.ranked, start=1):
        done = trial.state == "finished"
        cells = [str(rank) if done else "-", *[trial.system] * several]
        cells += [said(trial.knobs[name]) for name in found.space]
        cells.append(f"{trial.score:.4f}" if done else "-")
        cells += [f"{trial.deviation:.4f}"] * bool(folds)
        cells += [f"{trial.seconds:.1f}", trial.runs[0] + (" ..." if len(trial.runs) > 1 else "")]
        table.add_row(*cells, "" if done else f"{trial.state}: {trial.why}")
    Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(table)


def _pictures(found: Any) -> dict[str, Any]:
    from neurarium.plots.search import scores_by_size, scores_over_knob, trial_curves
    from neurarium.search.study import said

    trials, measure = found.trials, found.goal.measure
    systems = [system["name"] for system in found.header["systems"]]
    shown = f"{found.goal.split} {measure}"
    figures = {}
    for name in found.space:
        values = {s: [_placed(t.knobs[name], said) for t in trials if t.system == s] for s in systems}
        scores = {s: [t.score for t in trials if t.system == s] for s in systems}
        spread = {s: [t.deviation for t in trials if t.system == s] for s in systems}
        figures[f"over-{name}"] = scores_over_knob(
            name,
            values,
            scores,
            measure=shown,
            best=found.goal.best,
            deviations=spread if found.header["folds"] else None,
        )
    if any(len(trial.curve) > 1 for trial in trials):
        figures["curves"] = trial_curves(
            [trial.curve for trial in trials],
            measure=shown,
            best=trials.index(found.best),
            ended=[trial.state != "finished" for trial in trials],
        )
    if len({trial.items for trial in trials}) > 1:
        lines: dict[str, dict[int, list[float]]] = {system: {} for system in systems}
        for trial in (trial for trial in trials if trial.state == "finished"):
            lines[trial.system].setdefault(trial.items, []).append(trial.score)
        figures["by-size"] = scores_by_size({s: line for s, line in lines.items() if line}, measure=shown)
    return figures


def _placed(value: Any, said: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else said(value)


def _number(value: Any) -> str:
    from neurarium.train.screen import number

    return number(value)
