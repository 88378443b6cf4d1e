"""One plain loop for every family."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from neurarium.runs.run import Run
from neurarium.train import checkpoint, ranks
from neurarium.train.data import Data, Shard
from neurarium.train.log import Cadence, Drawn
from neurarium.train.recipe import Goal, UserError
from neurarium.train.settings import Settings
from neurarium.train.stopping import StopWhen
from neurarium.train.training import Training, load_weights

PROOF = 25
"""Steps between the last two checkpoints of a finished run, for `neurarium prove` to replay."""


class Interrupted(Exception):
    """The run was asked to stop; its state is saved."""


class Diverged(UserError):
    """A quantity is no longer finite, so the run ended."""


class Screen(Protocol):
    """Where a person watches. All methods return at once."""

    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    def say(self, text: str) -> None: ...


@dataclass(frozen=True)
class Plan:
    """When things happen: steps in all, the goal, and the cadences in steps (checkpoint_every 0: by time)."""

    steps: int
    goal: Goal
    log_every: int
    evaluate_at: frozenset[int]
    checkpoint_every: int
    patience: int
    stop_when: StopWhen | None = None

    @classmethod
    def of(cls, steps: int, goal: Goal, evaluations: int, settings: Settings) -> Plan:
        if steps < 1:
            raise UserError(f"Training needs at least one step, received {steps}. Raise --epochs or --steps.")
        times = min(settings.evaluations or evaluations, steps)
        return cls(
            steps=steps,
            goal=goal if settings.until is None else replace(goal, target=settings.until),
            log_every=settings.log_every or max(1, min(50, steps // 50)),
            evaluate_at=frozenset(round(steps * (i + 1) / times) for i in range(times)),
            checkpoint_every=settings.checkpoint_every,
            patience=settings.patience,
            stop_when=StopWhen.parse(settings.stop_when) if settings.stop_when else None,
        )


def fit(training: Training, data: Data, run: Run, plan: Plan, shard: Shard, screen: Screen) -> None:
    """Train to the plan's end from wherever the training stands.

    Raises UserError before the first step for a condition on an unknown measure; Interrupted after SIGINT or SIGTERM,
    with the state saved; Diverged when a quantity is no longer finite, with the last good checkpoint kept.
    """
    if plan.stop_when and training.step == 0:
        _try_rule(plan.stop_when, training, data, plan, shard)
    batches = Drawn(training.stream, shard.world)
    saving, drawing = Cadence(share=1 / 200), Cadence(share=1 / 100)
    started = last = time.perf_counter()
    with stop_signals() as asked:
        while training.step < plan.steps and not training.stopped:
            training.log.add(training.task.step(batches, training.steppers))
            training.step += 1
            step, ending = training.step, training.step == plan.steps
            stopping = bool(_agree(asked.is_set(), shard))
            logging = step % plan.log_every == 0 or ending or step in plan.evaluate_at
            if logging or stopping:
                _check_finite(training, run)
            if logging:
                now = time.perf_counter()
                speed = {
                    "samples_per_second": batches.items / (now - last),
                    "seconds": training.seconds + now - started,
                }
                batches.items, last = 0, now
                rates = {_name("learning_rate", n, training): s.learning_rate for n, s in training.steppers.items()}
                _write(
                    run, shard, screen, plan, {"step": step, "split": "train", **training.log.row(), **rates, **speed}
                )
            if step in plan.evaluate_at:
                _evaluate(training, data, run, plan, shard, screen)
                ending = ending or bool(training.stopped)
                if ending or _agree(drawing.due(), shard):
                    begun = time.perf_counter()
                    _draw(training, data, run, plan, shard)
                    drawing.done(begun)
                    started += time.perf_counter() - begun  # the clock of training does not count pictures
                last = time.perf_counter()
            timed = plan.checkpoint_every == 0 and logging and _agree(saving.due(), shard)
            regular = plan.checkpoint_every > 0 and step % plan.checkpoint_every == 0
            if stopping or ending or timed or regular or step == plan.steps - PROOF:
                begun = time.perf_counter()
                training.seconds += begun - started
                save(training, run, shard)
                saving.done(begun)
                started = time.perf_counter()
                last += started - begun  # items drawn since the last row count, the time of saving does not
            if stopping and not ending:
                raise Interrupted(
                    f"Stopped after step {step} of {plan.steps}; everything is saved. "
                    f"Go on with: neurarium resume {run.path}"
                )
    _finish(training, data, run, plan, shard, screen)


def save(training: Training, run: Run, shard: Shard) -> None:
    """The last two checkpoints are kept: the newest to go on from, the one before for `prove`."""
    state = training.state()
    if shard.rank == 0:
        run.sync()
        checkpoint.save(run.checkpoint_path(training.step), state)
        run.prune(2)


def _try_rule(rule: StopWhen, training: Training, data: Data, plan: Plan, shard: Shard) -> None:
    """One batch tells which measures there are: a misspelt one must not come to light hours later."""
    batch = next(iter(data.split(plan.goal.split, shard=shard)))
    with training.evaluating():
        rule.holds(training.task.evaluate([batch]))


def _evaluate(training: Training, data: Data, run: Run, plan: Plan, shard: Shard, screen: Screen) -> None:
    goal = plan.goal
    with training.evaluating():
        measures = training.task.evaluate(data.split(goal.split, shard=shard))
        if goal.measure not in measures:
            raise UserError(f"The goal {goal.measure!r} is none of the measures {sorted(measures)}.")
        value = measures[goal.measure]
        _write(run, shard, screen, plan, {"step": training.step, "split": goal.split, **measures})
        if goal.improves(value, training.record):
            training.record, training.stale = value, 0
            if shard.rank == 0:
                checkpoint.save(run.best_path, {**training.task.state_dict(), "step": training.step})
        else:
            training.stale += 1
    if shard.rank == 0:
        _warn(training, run, plan, screen)
    rule = plan.stop_when
    training.met = training.met + 1 if rule and rule.holds(measures) else 0
    if goal.reached(value):
        training.stopped = f"{goal.split} {goal.measure} reached {value:.4g}, the goal is {goal.target:.4g}"
    elif plan.patience and training.stale >= plan.patience:
        training.stopped = f"{goal.split} {goal.measure} has not improved for {training.stale} evaluations"
    elif rule and training.met >= rule.times:
        training.stopped = f"{goal.split} {rule}"


def _warn(training: Training, run: Run, plan: Plan, screen: Screen) -> None:
    """Say once what the task warns of, and keep it in the run's header: the text and the step."""
    told = run.header.get("warnings", {})
    found = training.task.warnings(run.rows(plan.goal.split), plan.steps)
    new = {text: training.step for text in found if text not in told}
    for text in new:
        screen.say(f"Warning at step {training.step}: {text}")
    if new:
        run.update_header(warnings={**told, **new})


def _finish(training: Training, data: Data, run: Run, plan: Plan, shard: Shard, screen: Screen) -> None:
    """Measure the best weights on the test split, once."""
    if training.stopped:
        screen.say(f"Stopped at step {training.step}: {training.stopped}.")
    if ranks.from_first(bool(run.header.get("finished"))):
        return
    if run.best_path.exists():
        state = checkpoint.load(run.best_path)
        step = state.pop("step")
        for stepper in training.steppers.values():
            stepper.average = []
        load_weights(training.task, state)
    else:
        step = training.step
    if "test" in data.splits and not ranks.from_first(bool(run.rows("test"))):
        with training.evaluating():
            measures = training.task.evaluate(data.split("test", shard=shard))
        _write(run, shard, screen, plan, {"step": step, "split": "test", **measures})
    if shard.rank == 0:
        run.update_header(finished=True, stopped=training.stopped, seconds=training.seconds)


def _draw(training: Training, data: Data, run: Run, plan: Plan, shard: Shard) -> None:
    with training.evaluating():
        figures = training.task.pictures(data.split(plan.goal.split, shard=shard))
    if shard.rank == 0:
        for name, figure in figures.items():
            figure.savefig(run.picture_path(name, training.step), bbox_inches="tight")


def _check_finite(training: Training, run: Run) -> None:
    bad = [name for name, stepper in training.steppers.items() if float(stepper.num_bad) > 0]
    if not bad:
        return
    names = [name for name, value in training.log.row().items() if not math.isfinite(value)]
    what = ", ".join(names) or "the gradient of " + ", ".join(bad)
    last = run.last_checkpoint()
    kept = f"The last good checkpoint is {last}." if last else "There is no checkpoint yet."
    raise Diverged(
        f"{what} is no longer finite at step {training.step}; the weights were not moved by it. {kept} "
        "Lower the learning rate, clip the gradient, or look at the data with `neurarium doctor`."
    )


def _write(run: Run, shard: Shard, screen: Screen, plan: Plan, row: dict[str, Any]) -> None:
    if shard.rank == 0:
        run.append(row)
        screen.row(row, row["step"], plan.steps)


def _name(quantity: str, stepper: str, training: Training) -> str:
    return quantity if len(training.steppers) == 1 else f"{quantity}_{stepper}"


def _agree(mine: bool, shard: Shard) -> bool:
    """What rank 0 or a signal on any rank says, known to all: ranks must save and stop at the same step."""
    return mine if shard.world == 1 else any(ranks.gather(mine))


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM set an event instead of ending the process at once; a second SIGINT does."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: object) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
