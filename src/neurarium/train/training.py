"""All that a run is at one moment: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from neurarium.runs.run import Run
from neurarium.train import hardware, ranks
from neurarium.train.checkpoint import part, under
from neurarium.train.data import Data, Shard, State, Stream
from neurarium.train.descent import Descent
from neurarium.train.hardware import FastPath
from neurarium.train.log import Log
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper
from neurarium.train.task import Task
from neurarium.train.transfer import Transfer, adopt


@dataclass
class Training:
    """step: steps done. record: best value of the goal so far. stale: evaluations since. stopped: why it ended.
    met: evaluations in a row at which the condition to stop held.

    new: parameters that did not come from the run that it starts from.
    """

    task: Task
    steppers: dict[str, Stepper]
    stream: Stream
    log: Log = field(default_factory=Log)
    step: int = 0
    record: float | None = None
    stale: int = 0
    met: int = 0
    stopped: str = ""
    seconds: float = 0.0
    new: tuple[str, ...] = ()

    def state(self) -> State:
        """Every tensor, position and generator that the next step depends on, of all ranks."""
        state = under("task", dict(self.task.state_dict()))
        for name, stepper in self.steppers.items():
            state |= under(f"stepper.{name}", stepper.state())
        own = under("data", self.stream.state()) | under("random", hardware.generators())
        for rank, other in enumerate(ranks.gather(own)):
            state |= under(f"rank{rank}", other)
        state |= under("log", self.log.state())
        state |= {"step": self.step, "stale": self.stale, "stopped": self.stopped, "seconds": self.seconds}
        state["met"] = self.met
        state["record"] = "" if self.record is None else self.record.hex()
        return state

    def restore(self, state: State) -> None:
        load_weights(self.task, part(state, "task"))
        for name, stepper in self.steppers.items():
            stepper.restore(part(state, f"stepper.{name}"))
        own = part(state, f"rank{ranks.rank()}")
        self.stream.restore(part(own, "data"))
        self.log.restore(part(state, "log"))
        self.step, self.stale, self.stopped = int(state["step"]), int(state["stale"]), str(state["stopped"])
        self.met = int(state.get("met", 0))  # runs of earlier versions have none
        self.seconds = float(state["seconds"])
        self.record = float.fromhex(str(state["record"])) if state["record"] else None
        hardware.restore_generators(part(own, "random"))

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Averaged weights, no gradients, no compiled kernels, and generators left as they were."""
        with ExitStack() as stack:
            stack.enter_context(hardware.generators_kept())
            stack.enter_context(torch.no_grad())
            stack.enter_context(hardware.eager())
            for stepper in self.steppers.values():
                stack.enter_context(stepper.averaged())
            hardware.seed_everything(self.step)
            self.task.eval()
            try:
                yield
            finally:
                self.task.train()
                for stepper in self.steppers.values():
                    stepper.hold()


def build(
    recipe: Recipe, data: Data, settings: Settings, path: FastPath, shard: Shard, *, start: Run | None = None
) -> Training:
    """A training before its first step: a function of recipe, settings, path, and of the run that it starts from."""
    hardware.seed_everything(settings.seed)
    task = recipe.task(data.spec)
    new = adopt(task, start, settings.fresh) if start is not None else []
    transfer = Transfer.of(task, settings)
    hardware.place(task, path)
    if shard.world > 1:  # the same weights everywhere, other noise on each rank
        hardware.seed_everything(settings.seed + 7919 * (shard.rank + 1))

    def make(modules: nn.Module | Iterable[nn.Module], descent: Descent) -> Stepper:
        if settings.swa:
            descent = replace(descent, ema=None, swa=round(settings.swa * recipe.num_steps(data.spec)))
        return Stepper(
            task,
            modules,
            descent,
            precision=path.precision,
            micro_batches=settings.micro_batches,
            transfer=transfer,
        )

    task.train()
    steppers = task.steppers(make)
    stream = data.stream(task, seed=settings.seed, shard=shard)
    return Training(task, steppers, stream, new=tuple(new))


@torch.no_grad()
def load_weights(task: nn.Module, state: State) -> None:
    """Copy into the tensors that are there, each in its own memory layout.

    Raises UserError where names or shapes differ; then nothing is changed.
    """
    own = task.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    other = [
        f"{n} {tuple(v.shape)}" for n, v in own.items() if isinstance(s := state.get(n), Tensor) and s.shape != v.shape
    ]
    if missing or unknown or other:
        raise UserError(
            "These weights belong to another network: "
            f"missing {missing[:3]}, unknown {unknown[:3]}, of another shape {other[:3]}. "
            "Use the checkpoint of a run with the same recipe and fields."
        )
    for name, tensor in own.items():
        tensor.copy_(torch.as_tensor(state[name]))
