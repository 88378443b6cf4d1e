"""Inputs over outputs, and codes by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurarium.plots.reconstructions import code_scatter, reconstructed_curves, reconstruction_gallery

RANDOM = np.random.default_rng(0)


def drawn(figure: Any, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


@pytest.mark.catalogue("reconstruction-gallery")
def test_one_pair_a_sample_input_over_output() -> None:
    given = RANDOM.integers(0, 256, (4, 1, 6, 5)).astype(np.uint8)
    made = RANDOM.normal(0.5, 0.6, (4, 3, 6, 5))
    figure = reconstruction_gallery({"input": given, "output": made})
    for index in range(4):
        above, below = drawn(figure, f"input-{index}"), drawn(figure, f"output-{index}")
        np.testing.assert_allclose(above.get_array()[..., 0], given[index, 0] / 255)
        np.testing.assert_allclose(below.get_array(), np.clip(made[index].transpose(1, 2, 0), 0, 1))
        assert above.get_extent()[:2] == below.get_extent()[:2] == [index * 1.06, index * 1.06 + 1]
        assert above.get_extent()[2] < below.get_extent()[3] + 1e-9  # rows grow downwards
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["input", "output"]


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same number and size of images, received one \(2, 1, 4, 4\), other"):
        reconstruction_gallery({"one": np.zeros((2, 1, 4, 4)), "other": np.zeros((3, 1, 4, 4))})
    with pytest.raises(ValueError, match=r"one must have shape \(N, 1, H, W\) or .* received \(2, 4\)"):
        reconstruction_gallery({"one": np.zeros((2, 4))})


def test_curves_keep_their_shape_and_lie_one_below_the_other() -> None:
    x, y = RANDOM.normal(size=(3, 20)), RANDOM.normal(size=(3, 20))
    figure = reconstructed_curves(x, y)
    for row in range(3):
        above = drawn(figure, f"input-{row}").get_ydata()
        assert np.corrcoef(above, x[row])[0, 1] == pytest.approx(1)
        assert round((above.max() + above.min()) / 2) == -row
        # Both on one scale: what lies between them is their difference.
        gap = drawn(figure, f"output-{row}").get_ydata() - above
        assert np.corrcoef(gap, y[row] - x[row])[0, 1] == pytest.approx(1)


@pytest.mark.catalogue("autoencoder-dimensionality-reduction", "latent-scatter")
def test_codes_lie_where_they_are_with_the_name_of_their_class() -> None:
    labels = np.arange(60) % 12
    codes = RANDOM.normal(size=(60, 2))
    figure = code_scatter(codes, labels, [f"class {label}" for label in range(13)])
    for label in range(12):
        dots = drawn(figure, f"class-{label}")
        np.testing.assert_allclose(dots.get_offsets(), codes[labels == label])
        name = drawn(figure, f"name-{label}")
        assert name.get_text() == f"class {label}"
        np.testing.assert_allclose(name.get_position(), np.median(codes[labels == label], axis=0))
    colours = [tuple(drawn(figure, f"class-{label}").get_facecolor()[0]) for label in range(12)]
    assert len(set(colours[:10])) == 10
    # Where colours come again the marks differ, and a class without items is left out.
    assert colours[10:] == colours[:2]
    first, again = drawn(figure, "class-0"), drawn(figure, "class-10")
    assert first.get_paths()[0].vertices.shape != again.get_paths()[0].vertices.shape
    assert not figure.findobj(lambda artist: artist.get_gid() == "class-12")
