"""Ten losses a recipe: bit for bit on the machine that wrote them, to rounding elsewhere."""

from __future__ import annotations

import pytest

from neurarium.recipes import CATALOGUE
from tests.golden.losses import FOLDER, losses, machine


def numbers(line: str) -> dict[str, float]:
    pairs = (part.split("=") for part in line.split())
    return {key: float.fromhex(value) for key, value in pairs}


@pytest.mark.parametrize("name", CATALOGUE)
def test_losses_stand(name: str) -> None:
    written, *kept = (FOLDER / f"{name}.txt").read_text().splitlines()
    found = losses(name)
    if written == machine():
        assert found == kept
    for ours, theirs in zip(found, kept, strict=True):
        assert numbers(ours) == pytest.approx(numbers(theirs), rel=1e-3, abs=1e-5)
