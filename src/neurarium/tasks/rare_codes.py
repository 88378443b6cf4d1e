"""Which items of a data set are unlike the others? Weights that repair it by drawing them more often."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def resampling_weights(codes: ArrayLike, *, bins: int = 10, smoothing: float = 0.01) -> NDArray[np.float64]:
    """Probabilities (N,) with which to draw the items anew, so that rare codes come as often as common ones.

        w(x) ~ prod_j 1 / (Q_j(z_j(x)) + a)

    Amini et al. 2019, equation 2: Q_j is the histogram of the j-th number of the codes of the data set, as shares of
    `bins` cells of equal width, and a = smoothing keeps single items from being drawn for ever: with a large one all
    weights are equal. No labels are needed.

    codes: (N, d), such as the means of a variational autoencoder. Raises ValueError for another shape.
    """
    z = np.asarray(codes, dtype=np.float64)
    if z.ndim != 2 or not len(z):
        raise ValueError(f"Expected codes (N, d), received {z.shape}.")
    log_weights = np.zeros(len(z))
    for column in z.T:
        counts, edges = np.histogram(column, bins)
        cells = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, bins - 1)
        log_weights -= np.log(counts[cells] / len(z) + smoothing)
    weights = np.exp(log_weights - log_weights.max())
    found: NDArray[np.float64] = weights / weights.sum()
    return found
