"""Tables of decoded images and clouds of codes: what is drawn, where, and in which colours."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from neurarium.plots import style
from neurarium.plots.latents import code_clouds, image_tables

RANDOM = np.random.default_rng(0)


def shown(figure: Figure) -> dict[str, np.ndarray]:
    return {image.get_gid(): image.get_array() for image in figure.axes[0].images}


def places(figure: Figure) -> dict[str, tuple[float, float]]:
    """Middle of every image, left to right and top to bottom."""
    extents = {image.get_gid(): image.get_extent() for image in figure.axes[0].images}
    return {name: ((left + right) / 2, (bottom + top) / 2) for name, (left, right, bottom, top) in extents.items()}


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_in_its_row_and_column(channels: int) -> None:
    images = RANDOM.random((2, 3, channels, 4, 5))
    figure = image_tables({"": images}, rows=["one", "two"], columns=["a", "b", "c"])
    drawn, place = shown(figure), places(figure)
    assert drawn.keys() == {f"0/{r}-{c}" for r in range(2) for c in range(3)}
    for r in range(2):
        for c in range(3):
            expected = np.broadcast_to(images[r, c].transpose(1, 2, 0), (4, 5, 3))
            assert np.allclose(drawn[f"0/{r}-{c}"], expected)
    assert place["0/0-0"][0] < place["0/0-1"][0] < place["0/0-2"][0]
    assert place["0/0-0"][1] < place["0/1-0"][1]  # the axis runs downwards
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert texts["a"][0] == pytest.approx(place["0/0-0"][0])
    assert texts["two"][1] == pytest.approx(place["0/1-0"][1])


@pytest.mark.catalogue("beta-comparison")
def test_tables_stand_side_by_side_under_their_titles() -> None:
    one, two = RANDOM.random((2, 4, 7, 1, 3, 3))
    figure = image_tables({"beta = 1": one, "beta = 250": two}, rows=list("wxyz"))
    drawn, place = shown(figure), places(figure)
    assert np.allclose(drawn["1/3-6"][..., 0], two[3, 6, 0])
    assert place["1/0-0"][0] > place["0/0-6"][0] + 1
    assert [text.get_text() for text in figure.axes[0].texts][:1] == ["beta = 1"]
    assert {"beta = 1", "beta = 250", *"wxyz"} == {text.get_text() for text in figure.axes[0].texts}


def test_values_outside_are_cut_off_and_other_shapes_refused() -> None:
    drawn = shown(image_tables({"": np.array([-1.0, 0.25, 2.0]).reshape(1, 3, 1, 1, 1)}))
    assert [float(drawn[f"0/0-{c}"][0, 0, 0]) for c in range(3)] == [0, 0.25, 1]
    with pytest.raises(ValueError, match=r"images must have shape \(R, C, 1 or 3, H, W\), received \(2, 2, 2, 4, 4\)"):
        image_tables({"": np.zeros((2, 2, 2, 4, 4))})
    with pytest.raises(ValueError, match=r"same number and size of images, received a \(1, 1, .*, b \(1, 2, "):
        image_tables({"a": np.zeros((1, 1, 1, 4, 4)), "b": np.zeros((1, 2, 1, 4, 4))})


@pytest.mark.catalogue("regular-latent-plot")
def test_clouds_of_two_models_in_ten_colours_beside_the_prior() -> None:
    labels = np.arange(200) % 10
    codes = {"autoencoder": 5 * RANDOM.normal(size=(200, 2)), "VAE": RANDOM.normal(size=(200, 2))}
    figure = code_clouds(codes, labels, list("0123456789"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["autoencoder", "VAE"]
    for axes, (title, z) in zip(figure.axes, codes.items(), strict=True):
        clouds = {cloud.get_gid(): cloud for cloud in axes.collections}
        assert len({tuple(clouds[f"{title}-class-{k}"].get_facecolor()[0]) for k in range(10)}) == 10
        for k in range(10):
            assert np.allclose(clouds[f"{title}-class-{k}"].get_offsets(), z[labels == k])
        (prior,) = axes.patches
        inside = np.linalg.norm(RANDOM.normal(size=(20_000, 2)), axis=1) < prior.get_radius()
        assert inside.mean() == pytest.approx(0.95, abs=0.006)
        assert max(axes.get_xlim()) > max(prior.get_radius(), np.abs(z).max())
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list("0123456789")
    assert len(set(style.TEN)) == 10
