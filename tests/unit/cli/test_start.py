"""What loads when: the front door must open at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "matplotlib", "polars", "numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import neurarium",
        "import neurarium.recipes",
        "from neurarium.cli.main import main; main(['--help'])",
        "from neurarium.cli.main import main; main(['list'])",
        "from neurarium.cli.main import main; main(['list', '--json'])",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    told = f"\nimport sys; print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + told], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_unknown_attribute_is_named() -> None:
    import neurarium

    with pytest.raises(AttributeError, match="trian"):
        neurarium.trian  # noqa: B018 - the access is what is tested
