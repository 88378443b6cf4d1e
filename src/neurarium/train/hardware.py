"""Where and how tensors are computed: the device, and the fast path on it."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurarium.train.data import State
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings

RECOMPILE_LIMIT = 64
"""Of the compiler: graphs a network may need (players frozen or not, training or not); past it a run stops."""


@dataclass(frozen=True, slots=True)
class FastPath:
    """All that changes speed and rounding, and nothing else. Stored in the run, and taken again by `resume`."""

    device: str
    precision: str = "float32"
    compile: bool = False
    channels_last: bool = False
    threads: int = 1
    exact: bool = False

    def __str__(self) -> str:
        words = [self.device, "compiled" if self.compile else "eager", self.precision]
        words += ["channels_last"] * self.channels_last + ["exact"] * self.exact
        if self.device == "cpu":
            words.append(f"{self.threads} thread{'s' * (self.threads != 1)}")
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def choose_device(wanted: str) -> torch.device:
    """auto: CUDA, else MPS, else the CPU. Raises UserError for a device that is not there."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", local)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", local)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        there += ["mps"] * torch.backends.mps.is_available()
        raise UserError(f"--device {wanted} cannot be used here. There is: {', '.join(there)}.") from error
    return device


def device_name() -> str:
    """The processor's own name, for figures and caches."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def num_threads(settings: Settings) -> int:
    """The settings' word, else OMP_NUM_THREADS (torchrun sets it to 1 a process), else the cores that we may use."""
    announced = settings.threads or int(os.environ.get("OMP_NUM_THREADS") or 0)
    if announced:
        return announced
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def supports_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 has instructions of its own here; emulated it only costs."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def plain_path(settings: Settings) -> FastPath:
    """What the settings say, where they leave nothing to measure; "auto" means the plain choice here."""
    device = choose_device(settings.device)
    precision = "float32" if settings.precision == "auto" else settings.precision
    return FastPath(
        device=str(device),
        precision=precision,
        compile=settings.compile == "on",
        threads=num_threads(settings),
        exact=settings.exact,
    )


def apply(path: FastPath) -> None:
    """Set what is global: threads, and whether only deterministic kernels may run."""
    torch.set_num_threads(path.threads)
    if path.exact:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(path.exact)
    torch.backends.cudnn.benchmark = not path.exact
    torch.set_float32_matmul_precision("highest" if path.exact else "high")


def place(task: nn.Module, path: FastPath) -> None:
    """Bring a task to the path's device and layout, and compile its networks."""
    task.to(torch.device(path.device))
    if path.channels_last:
        task.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if path.compile:
        torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT
        torch._dynamo.config.fail_on_recompile_limit_hit = True
        for network in networks_of(task):
            network.compile(dynamic=False)


def networks_of(task: nn.Module) -> list[nn.Module]:
    return [child for child in task.children() if any(True for _ in child.parameters())]


@contextmanager
def eager() -> Iterator[None]:
    """Without compiled kernels: evaluation meets shapes (a last smaller batch) that are not worth a compilation."""
    with torch.compiler.set_stance("force_eager"):
        yield


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generators() -> State:
    """The state of every global generator."""
    version, words, gauss = random.getstate()
    legacy: Any = np.random.get_state()
    state: State = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": "" if gauss is None else float(gauss).hex(),
        "numpy": torch.from_numpy(legacy[1].astype(np.int64)),
        "numpy_position": int(legacy[2]),
        "numpy_has_gauss": int(legacy[3]),
        "numpy_gauss": float(legacy[4]).hex(),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_generators(state: State) -> None:
    gauss = str(state["python_gauss"])
    words: Any = state["python"]
    random.setstate((3, tuple(words.tolist()), float.fromhex(gauss) if gauss else None))
    numbers: Any = state["numpy"]
    position, has_gauss = int(state["numpy_position"]), int(state["numpy_has_gauss"])
    kept = float.fromhex(str(state["numpy_gauss"]))
    np.random.set_state(("MT19937", numbers.numpy().astype(np.uint32), position, has_gauss, kept))
    for name, restore in (
        ("torch", torch.set_rng_state),
        ("cuda", torch.cuda.set_rng_state),
        ("mps", torch.mps.set_rng_state),
    ):
        if name in state:
            restore(torch.as_tensor(state[name]).cpu())


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave every global generator as it was: what happens inside must not change what a run draws later."""
    state = generators()
    try:
        yield
    finally:
        restore_generators(state)
