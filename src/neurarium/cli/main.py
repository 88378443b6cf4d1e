"""Finds the verb, runs it, and turns what the user can mend into one message and exit code 2."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence

from neurarium.train.recipe import UserError, near

VERBS = {
    "list": "the catalogue: each system, its paper, our best measured score",
    "show": "layers, parameters, claims and knobs of a system, or a topic explained: neurarium show backprop",
    "train": "train a system: neurarium train lenet5 --data mnist",
    "search": "choose knobs by validation: grid, random or Optuna; cross-validation; learning rates",
    "resume": "go on with an interrupted run, bit for bit",
    "evaluate": "measure a run on one of its splits",
    "predict": "use a run on your own files",
    "sample": "draw new items from a run that can",
    "interpolate": "what lies between two images, or between two random codes",
    "arithmetic": "codes of images added and subtracted, and what becomes of them",
    "reconstruct": "your files through the code and back, and how unusual each is",
    "encode": "the code of each item as a row of a table",
    "export": "write a run's networks as ONNX",
    "compare": "settings that differ between runs, and their measures side by side",
    "verify": "measure a recipe's claims here, beside the paper's",
    "prove": "replay some steps of a run: bit-identical, or the first tensor that differs",
    "doctor": "what works here, and what to do where it does not",
}
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 measured and not as claimed, 2 for the user to mend, 130 stopped by a signal."""
    try:
        code = _main(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # `neurarium list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _main(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if words[0] == "--version":
        from neurarium import __version__

        print(__version__)
        return 0
    verb, *rest = words
    try:
        if verb not in VERBS:
            raise UserError(f"There is no verb {verb!r}.{near(verb, VERBS)}")
        module = importlib.import_module(f"neurarium.cli.{verb}")
        return int(module.run(rest) or 0)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        print("Stopped at once; whatever was saved before is whole.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if not _mendable(error):
            raise
        return _complain(str(error), as_json="--json" in rest)


def _mendable(error: Exception) -> bool:
    """UserError, and RunError of `runs`, which imports nothing of ours."""
    return isinstance(error, UserError) or type(error).__name__ == "RunError"


def _complain(message: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": message}))
    print(f"neurarium: {message}", file=sys.stderr)
    return 2


def usage() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {text}" for verb, text in VERBS.items()]
    return "\n".join(
        [
            "usage: neurarium VERB ...",
            "",
            "Every system that a course in deep learning teaches, trained on real data with one command.",
            "",
            *lines,
            "",
            "neurarium VERB --help says more. Every verb takes --json: one JSON object on standard output.",
        ]
    )
