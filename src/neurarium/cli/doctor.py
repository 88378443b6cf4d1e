"""neurarium doctor"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurarium.cli.arguments import emit, parse


@dataclass(frozen=True)
class Doctor:
    json: bool = False
    """One JSON object on standard output."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried: whether it works, what was found, and what to do where it does not."""

    name: str
    works: bool
    found: str
    fix: str = ""


def run(words: Sequence[str]) -> int:
    args = parse(Doctor, words, verb="doctor", description="What works here, and what to do where it does not.")
    checks = [check() for check in (versions, device, precision, compiler, data, space, extras)]
    if args.json:
        emit({"checks": [vars(check) for check in checks]})
        return 0
    for check in checks:
        print(f"{'ok  ' if check.works else 'MISS'}  {check.name:<10} {check.found}")
        if check.fix:
            print(f"{'':17}{check.fix}")
    return 0


def versions() -> Check:
    from neurarium.train.launch import environment

    found = ", ".join(f"{name} {version}" for name, version in environment()["versions"].items())
    return Check("versions", True, found)


def device() -> Check:
    import torch

    from neurarium.train import hardware
    from neurarium.train.settings import Settings

    chosen = hardware.choose_device("auto")
    fix = "" if chosen.type != "cpu" else "No GPU is seen. Where one is built in, install the torch build for it."
    found = f"{chosen}: {hardware.device_name()}, {hardware.num_threads(Settings())} cores, torch {torch.__version__}"
    return Check("device", True, found, fix)


def precision() -> Check:
    from neurarium.train import hardware

    has = hardware.supports_bfloat16(hardware.choose_device("auto"))
    return Check(
        "precision",
        True,
        "float32" + (" and bfloat16 in hardware" if has else "; bfloat16 would be emulated, so it is not tried"),
    )


def compiler() -> Check:
    import torch

    fix = "Install a C++ compiler (g++ or clang++); until then all runs are eager, which is slower and just as right."
    try:
        module = torch.nn.Sequential(torch.nn.Linear(2, 2))
        result = torch.compile(lambda x: module(x).relu())(torch.ones(1, 2))
        return Check("compiler", bool(result.isfinite().all()), "torch.compile works")
    except Exception as error:  # whatever the compiler's chain of tools throws means the same to the user
        return Check("compiler", False, f"torch.compile fails: {type(error).__name__}", fix)


def data() -> Check:
    from neurarium.data.home import home

    folder = home()
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if there:
        return Check("data", True, f"{folder}: {', '.join(there[:8])}{' ...' if len(there) > 8 else ''}")
    return Check(
        "data",
        True,
        f"{folder}: empty; sets are downloaded on first use",
        "Set NEURARIUM_DATA to a folder that has them.",
    )


def space() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check(
        "disk", free > 1, f"{free:.1f} GiB free here", "" if free > 1 else "Free some space before a long run."
    )


def extras() -> Check:
    wanted = {"export": ("onnx", "onnxscript", "onnxruntime"), "track": ("tensorboard",)}
    missing = [
        extra for extra, names in wanted.items() if any(importlib.util.find_spec(name) is None for name in names)
    ]
    fix = f"pip install 'neurarium[{','.join(missing)}]'" if missing else ""
    return Check("extras", not missing, "missing: " + ", ".join(missing) if missing else "all installed", fix)
