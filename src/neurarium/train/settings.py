"""What belongs to the engine rather than to a system."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from neurarium.train.recipe import UserError
from neurarium.train.stopping import StopWhen

LEAST = (
    ("seed", 0),
    ("threads", 0),
    ("micro_batches", 1),
    ("patience", 0),
    ("evaluations", 0),
    ("log_every", 0),
    ("checkpoint_every", 0),
    ("thaw", 0),
    ("swa", 0),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How, where and how often; the same for every recipe."""

    seed: int = 0
    """Seed of initial weights, order of the data, augmentation and noise."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the forward pass; auto: measured by the rehearsal."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile of the networks; auto: measured by the rehearsal."""
    exact: bool = False
    """The bit-reproducible path: float32, not compiled, deterministic algorithms."""
    threads: int = 0
    """Threads of the CPU; 0: as many as there are cores."""
    micro_batches: int = 1
    """Split every batch into so many parts, to save memory; the result is the same."""
    auto_batch: bool = False
    """Take the largest batch, a power of two, that fits into memory; the recipe's learning rate stays as it is."""
    patience: int = 0
    """Stop after so many evaluations without a better score and restore the best weights; 0: never."""
    until: float | None = None
    """Stop when the recipe's goal reaches this value."""
    stop_when: str = ""
    """Stop when a measure of the evaluations says so, such as "discriminator_accuracy<0.55:3": three times in a row."""
    evaluations: int = 0
    """How many times to evaluate during training; 0: as often as the recipe says."""
    log_every: int = 0
    """Steps between two rows of training metrics; 0: 50, or fewer in a short run."""
    checkpoint_every: int = 0
    """Steps between two checkpoints; 0: by time, so that they cost less than 1 % of it."""
    from_run: Annotated[str, tyro.conf.arg(name="from")] = ""
    """Start from the weights of another run, wherever names and shapes agree: a folder, a name, or "last"."""
    fresh: tuple[str, ...] = ()
    """With --from: parts that start anew even so, such as a head; `neurarium show` names the parts."""
    freeze: tuple[str, ...] = ()
    """Parts that stay as they are, such as network.features; batch statistics in them stay too."""
    thaw: int = 0
    """Updates after which what is frozen begins to learn; 0: never."""
    rates: tuple[str, ...] = ()
    """Parts that learn at another rate, as a factor: network.features=0.1."""
    swa: float = 0.0
    """Stochastic weight averaging: from this share of the run on, use the mean of the weights; 0: do not."""
    runs: str = "runs"
    """Folder in which the run's folder is made."""
    tensorboard: bool = False
    """Also write TensorBoard's event files (extra `track`)."""

    def __post_init__(self) -> None:
        for name, least in LEAST:
            if getattr(self, name) < least:
                flag = name.replace("_", "-")
                raise UserError(f"--{flag} must be at least {least}, received {getattr(self, name)}.")
        if self.stop_when:
            StopWhen.parse(self.stop_when)
        if self.swa >= 1:
            raise UserError(f"--swa is a share of the run, below 1; received {self.swa}. 0.75 is usual.")
        if self.fresh and not self.from_run:
            raise UserError("--fresh says what not to take from another run; without --from everything is fresh.")
        if self.thaw and not self.freeze:
            raise UserError("--thaw says when frozen parts begin to learn; name them with --freeze.")
        for entry in self.rates:
            part, _, rate = entry.partition("=")
            if not part or not _is_rate(rate):
                raise UserError(
                    f"--rates expects PART=FACTOR with a positive factor, such as network.features=0.1; "
                    f"received {entry!r}. To keep a part as it is, use --freeze."
                )
        if self.exact and (self.compile == "on" or self.precision == "bfloat16"):
            raise UserError(
                "--exact means float32 and not compiled; it cannot be combined with --compile on or "
                "--precision bfloat16. Leave one of them out."
            )


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
