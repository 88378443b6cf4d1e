"""LeNet-5 reads handwritten digits: a short training here, and what `neurarium verify` measured of the whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurarium import api
from neurarium.data.sources import open_labelled
from tests.undrawn import undrawn

RESULTS = Path(__file__).parents[2] / "docs" / "results"


@pytest.fixture(scope="module")
def trained(data_home: Path, tmp_path_factory: pytest.TempPathFactory) -> api.Trained:
    """Half an epoch of MNIST."""
    folder = tmp_path_factory.mktemp("mnist")
    with undrawn():
        return api.train(
            "lenet5", data="mnist", epochs=0.7, evaluations=1, runs=str(folder),
            precision="float32", compile="off", threads=1,
        )  # fmt: skip


@pytest.mark.catalogue("handwritten-digit-recognition")
def test_digits_are_read(trained: api.Trained) -> None:
    """99 % on the 10,000 test digits, about 80 errors: measured by verify; here a short training comes near."""
    assert trained.test["accuracy"] > 0.95
    measured = json.loads((RESULTS / "lenet5.json").read_text())["claims"]
    whole = [claim for claim in measured if dict(claim["knobs"]).get("data") == "mnist"]
    assert {dict(claim["knobs"]).get("form", "common") for claim in whole} == {"common", "1998"}
    for claim in whole:
        assert claim["items"] == 10_000
        assert claim["mean"] == pytest.approx(np.mean(claim["values"]))
        assert len(claim["values"]) == 3
        assert claim["mean"] >= 0.99
    assert min((1 - claim["mean"]) * 10_000 for claim in whole) <= 90


@pytest.mark.catalogue("lenet-error-gallery")
def test_the_gallery_names_true_and_given_class(trained: api.Trained) -> None:
    """Misread digits with "true->given", in their order, at most the 82 of the paper's figure 8."""
    task: Any = trained.load()
    test = open_labelled("mnist", batch_size=100).items("test")  # type: ignore[attr-defined]
    x, y = test.x[:3000], test.y[:3000]
    given = task.predict(x)
    wrong = torch.nonzero(given != y).flatten().tolist()
    assert wrong
    figure = task.pictures([type(test)(x, y)])["errors"]
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert titles == [f"{y[i]}->{given[i]}" for i in wrong][:82]


def test_inputs_that_a_person_has(trained: api.Trained) -> None:
    """(B, 28, 28) or (B, 1, 32, 32), uint8 or float, numpy or torch: the same answers."""
    task: Any = trained.load()
    x = open_labelled("mnist", batch_size=100).items("test").x[:64]  # type: ignore[attr-defined]
    expected = task.predict(x)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    for images in (x[:, 0], x.numpy(), x[:, 0].numpy(), x.float() / 255, (x / 255).numpy(), padded, padded / 255):
        assert torch.equal(task.predict(images), expected)
    with pytest.raises(ValueError, match=r"Expected float images in 0\.\.1"):
        task.predict(x.float())
    with pytest.raises(ValueError, match=r"Expected images of shape \(B, 1, H, W\)"):
        task.predict(torch.zeros(4, 3, 28, 28))


def test_export_gives_the_same_logits(trained: api.Trained, tmp_path: Path) -> None:
    """onnxruntime's logits equal torch's to 1e-4 for batches of 1 and 33."""
    onnxruntime = pytest.importorskip("onnxruntime")
    path = api.export(trained, to=tmp_path / "lenet5.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    task: Any = trained.load()
    x = open_labelled("mnist", batch_size=100).items("test").x  # type: ignore[attr-defined]
    for size in (1, 33):
        (theirs,) = session.run(None, {"input": x[:size].numpy()})
        with torch.no_grad():
            ours = task.scores(x[:size]).numpy()
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
