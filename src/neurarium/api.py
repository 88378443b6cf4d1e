"""What a notebook calls; the command line is a thin layer over it."""

from __future__ import annotations

import statistics
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from neurarium.recipes.find import fill, find
from neurarium.runs.atomic import atomic_write
from neurarium.runs.compare import Row
from neurarium.runs.compare import compare as compare_runs
from neurarium.runs.lines import dumps, loads
from neurarium.runs.run import Run
from neurarium.tasks.ensemble import Ensemble
from neurarium.tasks.measures import ClassScore
from neurarium.train import hardware, launch, ranks
from neurarium.train import prove as proving
from neurarium.train.data import Data, Shard
from neurarium.train.fit import Screen
from neurarium.train.prove import Proof
from neurarium.train.recipe import Claim, Recipe, UserError
from neurarium.train.screen import Terminal, number
from neurarium.train.settings import Settings
from neurarium.uses import description
from neurarium.uses.trained import Trained as Trained
from neurarium.uses.trained import open_run as open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from neurarium.uses.generation import Encoded, Reconstructed
    from neurarium.uses.visual_search import Found


def train(recipe: str | Recipe, *, screen: Screen | None = None, source: str = "", **options: Any) -> Trained:
    """Train a system of the catalogue, or a recipe of your own, from start to test score.

        run = neurarium.train("lenet5", data="mnist", epochs=5, seed=1)

    options: fields of the recipe (data, lr, ...) and of Settings (seed, device, precision, ...), as the flags of
    `neurarium train`. source: "file.py:Class" where the recipe is an object from a file of one's own.
    Raises UserError for whatever cannot work, before step 0.
    """
    known = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in options.items() if name in known})
    own = {name: value for name, value in options.items() if name not in known}
    filled = fill(find(recipe), own) if isinstance(recipe, str) else replace(recipe, **own)
    source = recipe if isinstance(recipe, str) else source
    with _Shown(screen) as shown:
        run = launch.train(filled, settings, shown, source=source if ".py:" in source else "")
        return _reported(Trained(run), shown)


def resume(run: str | Path | Trained, *, runs: str = "runs", screen: Screen | None = None) -> Trained:
    """Go on with an interrupted run, bit for bit as if it had never stopped."""
    trained = open_run(run, runs=runs)
    with _Shown(screen) as shown:
        if trained.run.header.get("finished"):
            shown.say(f"{trained.run.name} is finished; there is nothing to resume.")
            return trained
        return _reported(Trained(launch.resume(trained.run, trained.recipe, shown)), shown)


def evaluate(
    run: str | Path | Trained, *, split: str = "test", runs: str = "runs", device: str = "cpu"
) -> dict[str, float]:
    """Measures of the best weights on a split."""
    measures: dict[str, float] = _on_split(run, "evaluate", split=split, runs=runs, device=device)
    return measures


def class_scores(
    run: str | Path | Trained, *, split: str = "test", runs: str = "runs", device: str = "cpu"
) -> list[ClassScore]:
    """Precision, recall, F1 and number of items of each class on a split, then their mean and weighted mean."""
    trained = open_run(run, runs=runs)
    if not hasattr(trained.load(), "class_scores"):
        raise UserError(f"{trained.run.name} has no classes: its system, {trained.recipe.name}, learns something else.")
    scores: list[ClassScore] = _on_split(trained, "class_scores", split=split, runs=runs, device=device)
    return scores


def _on_split(run: str | Path | Trained, method: str, *, split: str, runs: str, device: str) -> Any:
    trained = open_run(run, runs=runs)
    data = trained.recipe.open_data()
    task = trained.load(device)
    data.to(task.device)
    with torch.no_grad(), hardware.generators_kept():
        hardware.seed_everything(0)
        return getattr(task, method)(data.split(split, shard=Shard()))


def similar(
    run: str | Path | Trained, files: Sequence[str | Path], folder: str | Path, *, num: int = 8, runs: str = "runs"
) -> list[Found]:
    """The `num` images in a folder, and in those inside it, that are most like each of these; see visual_search."""
    from neurarium.uses.visual_search import search

    return search(open_run(run, runs=runs), files, folder, num=num)


def sample(
    run: str | Path | Trained,
    count: int = 64,
    *,
    classes: Sequence[str | int] = (),
    seed: int = 0,
    truncation: float | None = None,
    runs: str = "runs",
) -> Tensor:
    """Items that the system draws, images (count, C, H, W) in [0, 1] or points (count, F); see generation."""
    from neurarium.uses import generation

    return generation.sample(open_run(run, runs=runs), count, classes=classes, seed=seed, truncation=truncation)


def interpolate(
    run: str | Path | Trained,
    files: Sequence[str | Path] = (),
    *,
    seeds: Sequence[int] = (),
    steps: int = 8,
    label: str | int | None = None,
    runs: str = "runs",
) -> Tensor:
    """Items (steps, ...) on the way between the codes of two images, or between two random ones; see generation."""
    from neurarium.uses import generation

    return generation.interpolate(open_run(run, runs=runs), files, seeds=seeds, steps=steps, label=label)


def arithmetic(
    run: str | Path | Trained,
    first: Sequence[str | Path],
    minus: Sequence[str | Path],
    plus: Sequence[str | Path],
    *,
    label: str | int | None = None,
    runs: str = "runs",
) -> tuple[Tensor, Tensor]:
    """Mean codes of three sets of files and first - minus + plus, (4, d), and what they decode to; see generation."""
    from neurarium.uses import generation

    return generation.arithmetic(open_run(run, runs=runs), first, minus, plus, label=label)


def reconstruct(
    run: str | Path | Trained, files: Sequence[str | Path], *, label: str | int | None = None, runs: str = "runs"
) -> Reconstructed:
    """Items of files by way of their codes, and the error of each: high where one is unusual; see generation."""
    from neurarium.uses import generation

    return generation.reconstruct(open_run(run, runs=runs), files, label=label)


def encode(
    run: str | Path | Trained,
    files: Sequence[str | Path] = (),
    *,
    split: str = "",
    label: str | int | None = None,
    runs: str = "runs",
) -> Encoded:
    """Codes (N, d) of the items in files, or of a split of the run's data; see generation."""
    from neurarium.uses import generation

    return generation.encode(open_run(run, runs=runs), files, split=split, label=label)


def ensemble(*runs: str | Path | Trained, root: str = "runs", device: str = "cpu") -> Ensemble:
    """Several runs on the same data as one, which averages what they say: `predict`, `probabilities`, `spread`.

    nr.ensemble(*[nr.train("mlp", seed=seed) for seed in range(5)]).predict(x)
    """
    try:
        return Ensemble([open_run(run, runs=root).load(device) for run in runs])
    except ValueError as error:
        raise UserError(str(error)) from None


def prove(run: str | Path | Trained, *, runs: str = "runs", screen: Screen | None = None) -> Proof:
    """Replay some steps of a run: bit-identical, or the first tensor that differs."""
    trained = open_run(run, runs=runs)
    with _Shown(screen) as shown:
        return proving.prove(trained.run, trained.recipe, shown)


def compare(*runs: str | Path | Trained, root: str = "runs") -> list[Row]:
    """A row for each setting that differs between the runs, for the size of their networks, and each final measure."""
    if len(runs) < 2:
        raise UserError(f"Comparing needs at least two runs, received {len(runs)}.")
    opened = [open_run(run, runs=root) for run in runs]
    rows = compare_runs([trained.run for trained in opened])
    sizes = [_size(trained) for trained in opened]
    between = [
        Row("network", name, tuple(size.get(name) for size in sizes)) for name in ("parameters", "multiply-adds")
    ]
    first = next((i for i, row in enumerate(rows) if row.kind == "measure"), len(rows))
    return [*rows[:first], *between, *rows[first:]]


def compare_pictures(*runs: str | Path | Trained, root: str = "runs") -> dict[str, Any]:
    """Figures of runs with one goal: "curves" of its measure, "cost" of the networks beside what they reached."""
    from neurarium.plots.compare import learning_curves, score_by_cost

    opened = {trained.path.name: trained for trained in (open_run(run, runs=root) for run in runs)}
    goals = {trained.recipe.goal.measure for trained in opened.values()}
    if len(goals) > 1 or len(opened) < 2:
        return {}
    (measure,) = goals

    def curves(split: str) -> dict[str, Any]:
        found = {name: [row for row in trained.run.rows(split) if measure in row] for name, trained in opened.items()}
        # The last training row may be of one batch alone.
        found = {name: rows[:-1] if split == "train" and len(rows) > 2 else rows for name, rows in found.items()}
        return {name: ([r["step"] for r in rows], [r[measure] for r in rows]) for name, rows in found.items() if rows}

    figures = {"curves": learning_curves(curves("train"), curves("validation"), measure)}
    scores = {name: trained.test[measure] for name, trained in opened.items() if measure in trained.test}
    sizes = {name: _size(opened[name]) for name in scores}
    if len(scores) > 1 and all("multiply-adds" in size for size in sizes.values()):
        costs = {name: size["multiply-adds"] for name, size in sizes.items()}
        figures["cost"] = score_by_cost(costs, scores, cost="multiply-adds of one item", score=f"test {measure}")
    return figures


def _size(trained: Trained) -> dict[str, int]:
    """Parameters and multiply-adds of one item, over all networks of a run; {} where its data is out of reach."""
    try:
        totals = [rows[-1] for rows in layers(trained.recipe).values()]
    except (UserError, OSError):
        return {}
    known = all(total["multiply_adds"] is not None for total in totals)
    size = {"parameters": sum(total["parameters"] for total in totals)}
    return {**size, "multiply-adds": sum(total["multiply_adds"] for total in totals)} if known else size


def export(run: str | Path | Trained, *, to: str | Path | None = None, runs: str = "runs") -> Path:
    """The trained networks with their input preparation as an ONNX file; returns its path.

    The batch axis is free. The file is checked: onnxruntime must give torch's numbers to 1e-4 for batches of 1 and 33.
    """
    from neurarium.export import to_onnx

    trained = open_run(run, runs=runs)
    path = Path(to) if to else trained.path / f"{trained.run.name}.onnx"
    batch = next(iter(trained.recipe.open_data().split(trained.recipe.goal.split, shard=Shard())))
    module, args = trained.load().deployed(batch)
    return to_onnx(module, args, path)


def verify(
    recipe: str | type[Recipe], *, folder: Path, only: int = 0, screen: Screen | None = None, **options: Any
) -> dict[str, Any]:
    """Measure the recipe's claims here, on `seeds` runs each, and write them to folder/NAME.json; returns that.

    only: the number of one claim, from 1, to be measured; what the file says of the others stays. 0: all.
    """
    kind = find(recipe) if isinstance(recipe, str) else recipe
    if not 0 <= only <= len(kind.claims):
        raise UserError(f"{kind.name} has claims 1 to {len(kind.claims)}, received {only}.")
    file = folder / f"{kind.name}.json"
    before = loads(file.read_text(encoding="utf-8"))["claims"] if only and file.exists() else []
    if only and len(before) != len(kind.claims):
        raise UserError(f"{file} does not hold all {len(kind.claims)} claims of {kind.name} yet: measure all first.")
    known: dict[Any, Trained] = {}  # claims with the same knobs are claims on the same runs
    measured = [
        before[number - 1] if only and number != only else _measure(kind, claim, known, screen, options)
        for number, claim in enumerate(kind.claims, start=1)
    ]
    results = {"name": kind.name, "paper": kind.paper, "command": f"neurarium verify {kind.name}", "claims": measured}
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as temporary:
        temporary.write_text(dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


def _measure(
    kind: type[Recipe], claim: Claim, known: dict[Any, Trained], screen: Screen | None, options: dict[str, Any]
) -> dict[str, Any]:
    values, seconds = [], []
    for seed in range(claim.seeds):
        if (claim.knobs, seed) not in known:
            recipe = fill(kind, dict(claim.knobs))
            known[claim.knobs, seed] = train(recipe, screen=screen, seed=seed, **options)
        trained = known[claim.knobs, seed]
        measures = trained.test if claim.split == "test" else evaluate(trained, split=claim.split)
        values.append(float(measures[claim.measure]))
        seconds.append(float(trained.run.header["seconds"]))
    mean = statistics.fmean(values)
    in_time = claim.seconds is None or max(seconds) <= claim.seconds
    return {
        **asdict(claim),
        "values": values,
        "mean": mean,
        "deviation": statistics.stdev(values) if len(values) > 1 else 0.0,
        "training_seconds": seconds,
        "path": trained.run.header["path"],
        "items": measures.get("items"),
        "holds": claim.holds(mean) and in_time,
        "date": datetime.now(UTC).date().isoformat(),
        **launch.environment(),
    }


def layers(recipe: Recipe) -> dict[str, list[dict[str, Any]]]:
    """The layers of each of a system's networks, by a forward pass of two items; the last row holds the sums."""
    found = description.networks(recipe, recipe.open_data())
    return {name: description.layers(*network) for name, network in found.items()}


def simpler_models(data: Data) -> dict[str, dict[str, float]]:
    """What a guess and simpler models reach on the test split of a table, signals or texts; {} for other data."""
    from neurarium.baselines import documents, tables
    from neurarium.data.documents import Documents
    from neurarium.data.memory import InMemory

    kind = data.spec.fitted.get("kind")
    if not isinstance(data, InMemory) or kind not in ("table", "signals", "documents") or "test" not in data.splits:
        return {}
    x, y, test_x, test_y = (field.numpy() for split in ("train", "test") for field in data.items(split))
    num_classes = len(data.spec.classes)
    if isinstance(data, Documents):
        return documents.compare(data.texts["train"], y, data.texts["test"], test_y, num_classes=num_classes)
    found = tables.compare(x.reshape(len(x), -1), y, test_x.reshape(len(test_x), -1), test_y, num_classes=num_classes)
    if num_classes:
        return found
    unit = data.spec.fitted["target"].get("std", 1.0)
    for measures in found.values():  # absolute errors are told in the target's own unit
        measures.update({key: value * unit for key, value in measures.items() if key == "absolute_error"})
    return found


def write_run_report(trained: Trained, data: Data | None = None) -> Path:
    """report.html of a run: curves, the task's pictures of the test split, settings and environment."""
    from neurarium.plots.report import write_report

    run, data = trained.run, data or trained.recipe.open_data()
    task, header, goal = trained.load(), run.header, trained.recipe.goal
    split = "test" if "test" in data.splits else goal.split
    with torch.no_grad(), hardware.generators_kept():
        hardware.seed_everything(0)
        figures = task.pictures(data.split(split, shard=Shard()))
    with atomic_write(trained.report) as temporary:
        write_report(
            temporary,
            title=f"{run.name}: {trained.recipe.name} on {header['fields'].get('data', 'its own data')}",
            facts=_facts(trained, data),
            rows=run.rows(),
            figures=figures,
            settings={**header["fields"], **header["settings"]},
            environment={key: header[key] for key in ("versions", "machine", "cores", "commit", "path", "created")},
            commands=[f"neurarium {verb} {run.path}" for verb in ("evaluate", "prove", "export", "resume")],
            measure=goal.measure,
            best="max" if goal.best == "max" else "min",
            others=header.get("others"),
        )
    return trained.report


def _facts(trained: Trained, data: Data) -> dict[str, str]:
    """What an experiment must state (experience, task, performance: Mitchell 1997), and what it took."""
    task, goal = trained.load(), trained.recipe.goal
    parameters = sum(p.numel() for p in task.parameters())
    sizes = ", ".join(f"{count:,} {split}" for split, count in data.spec.sizes.items())
    seconds = trained.run.header.get("seconds") or 0.0
    wanted = "as high as can be" if goal.best == "max" else "as low as can be"
    return {
        "Paper": trained.recipe.paper,
        "Experience": f"items: {sizes}" if sizes else "drawn without end",
        "Task": f"{type(task).__name__}: {first_sentence(type(task))}",
        "Performance": f"{goal.measure.replace('_', ' ')} on the {goal.split} split, {wanted}",
        "Parameters": f"{parameters:,}",
        "Steps": _steps(trained),
        "Training time": f"{seconds:.1f} s",
        **({"Warnings": _warnings(trained.run)} if trained.run.header.get("warnings") else {}),
    }


def first_sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split())
    return text.split(". ")[0].rstrip(".") + "."


def _warnings(run: Run) -> str:
    return " ".join(f"Step {step:,}: {text}" for text, step in run.header["warnings"].items())


def _steps(trained: Trained) -> str:
    done, planned = max((row["step"] for row in trained.rows), default=0), trained.run.header["steps"]
    stopped = trained.run.header.get("stopped")
    return f"{done:,} of {planned:,}: {stopped}" if stopped else f"{done:,}"


def _reported(trained: Trained, screen: Screen) -> Trained:
    if ranks.rank() == 0:
        data = trained.recipe.open_data()
        others = simpler_models(data)
        shared = next((name for measures in others.values() for name in measures if name in trained.test), "")
        if shared:
            trained.run.update_header(others=others)
            told = ", ".join(f"{name} {number(measures[shared])}" for name, measures in others.items())
            word = shared.replace("_", " ")
            screen.say(f"On the same test split, {word}: this run {number(trained.test[shared])}, {told}.")
        write_run_report(trained, data)
        if trained.run.header["settings"]["tensorboard"]:
            from neurarium.runs.events import export_events

            export_events(trained.run)
    ranks.meet()
    return trained


class _Shown:
    """The screen that was given, or a terminal that is closed at the end."""

    def __init__(self, given: Screen | None) -> None:
        self.given = given
        self.own = Terminal() if given is None else None

    def __enter__(self) -> Screen:
        return self.given if self.given is not None else self.own.__enter__()  # type: ignore[union-attr]

    def __exit__(self, *error: Any) -> None:
        if self.own is not None:
            self.own.__exit__(*error)
