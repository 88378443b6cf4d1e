import numpy as np
import pytest
from matplotlib.collections import LineCollection

from neurarium.plots.values import q_bars

Q = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 0.25]])
Q_STAR = np.array([[1.5, -2.0], [0.5, 2.25], [0.0, 0.0]])


def test_bars_are_learned_values_and_lines_across_them_exact_ones() -> None:
    figure = q_bars(Q, Q_STAR, actions=["left", "right"])
    axes = figure.axes[0]
    lines = [found for found in axes.collections if isinstance(found, LineCollection)]
    for action, (bars, exact) in enumerate(zip(axes.containers, lines, strict=True)):
        assert [bar.get_height() for bar in bars] == Q[:, action].tolist()
        for bar, ((left, low), (right, high)), value in zip(bars, exact.get_segments(), Q_STAR[:, action], strict=True):
            assert low == high == value
            np.testing.assert_allclose([left, right], [bar.get_x(), bar.get_x() + bar.get_width()])
    assert axes.get_title("left") == "largest error 0.75"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right", "exact"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["state 0", "state 1", "state 2"]


def test_values_and_names_must_fit() -> None:
    with pytest.raises(ValueError, match=r"q_star must have shape \(3, 2\), received \(2, 3\)"):
        q_bars(Q, Q_STAR.T)
    with pytest.raises(ValueError, match=r"q has shape \(3, 2\), received 3 states and 1 actions"):
        q_bars(Q, Q_STAR, actions=["left"])
