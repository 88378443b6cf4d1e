import subprocess
import sys

import pytest

from neurarium.plots import style


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (60000, "60,000"),
        (270.0, "270"),
        (0.03125, "0.03125"),
        (0.98765, "0.9877"),
        (1.5e-7, "1.5e-07"),
        (0, "0"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-1234, "-1,234"),
    ],
)
def test_numbers_have_four_digits_that_count(value: float, text: str) -> None:
    assert style.number(value) == text


def test_no_colour_of_the_page_is_a_colour_of_a_curve() -> None:
    page = (style.PAPER, style.INK, style.MUTED, style.GRID)
    assert len({*page, *style.COLOURS}) == len(page) + len(style.COLOURS)


def test_figures_leave_matplotlibs_state_alone() -> None:
    # In a process of its own, for other tests may have imported pyplot.
    program = """
import sys
import matplotlib
before = dict(matplotlib.rcParams)
from neurarium.plots import confusion, curves, gallery, points, report, values
curves.training_curves([{"step": 1, "split": "train", "loss": 1.0}]).draw_without_rendering()
confusion.confusion_matrix([[1]], ["a"]).draw_without_rendering()
assert "matplotlib.pyplot" not in sys.modules, "pyplot"
assert dict(matplotlib.rcParams) == before, "rcParams"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
