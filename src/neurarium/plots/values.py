"""Values of actions, learned beside exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neurarium.plots import style


def q_bars(q: ArrayLike, q_star: ArrayLike, *, states: Sequence[str] = (), actions: Sequence[str] = ()) -> Figure:
    """Learned values as bars, exact ones as lines across them, and their largest distance above.

    q, q_star: shape (S, A): expected return of action a in state s. states, actions: names, numbers by default.
    """
    q = style.array(q, "q", None, None).astype(float)
    q_star = style.array(q_star, "q_star", *q.shape).astype(float)
    num_states, num_actions = q.shape
    names = list(states) or [f"state {state}" for state in range(num_states)]
    choices = list(actions) or [f"action {action}" for action in range(num_actions)]
    if (len(names), len(choices)) != q.shape:
        raise ValueError(f"q has shape {q.shape}, received {len(names)} states and {len(choices)} actions.")
    wide = 0.8 / num_actions
    figure, axes = style.new_figure(float(np.clip(1.5 + 0.32 * num_states * num_actions, 4.5, 12)), 3.8)
    handles: list[Artist] = []
    for action in range(num_actions):
        x = np.arange(num_states) + (action - (num_actions - 1) / 2) * wide
        handles.append(axes.bar(x, q[:, action], width=wide * 0.9, color=style.colour(action), alpha=0.85)[0])
        exact = axes.hlines(q_star[:, action], x - wide * 0.45, x + wide * 0.45, color=style.INK, linewidth=2, zorder=3)
    axes.axhline(0, color=style.MUTED, linewidth=0.8)
    axes.grid(visible=False, axis="x")
    long = max(map(len, names)) * num_states > 70
    axes.set_xticks(
        range(num_states), names, rotation=45 if long else 0, ha="right" if long else "center", parse_math=False
    )
    style.labels(axes, "", "expected return")
    style.title(axes, f"largest error {np.abs(q - q_star).max():.3g}")
    style.legend(axes, [*handles, exact], [*choices, "exact"])
    return figure
