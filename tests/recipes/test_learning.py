"""How a network learns, from the kinds of problem to the features inside: each told by the library's own systems."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.losses.classification import cross_entropy
from neurarium.losses.regression import huber, squared_error
from neurarium.nn.dense import dense_layers
from neurarium.recipes import CATALOGUE
from neurarium.train.batches import Labelled
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.optimizers import KINDS, optimizer
from neurarium.train.recipe import OptimizerName
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}
OWN = str(Path(__file__).with_name("pretraining.py")) + ":Autoencoder"


def learn(network: nn.Module, loss: Any, items: Labelled, steps: int, lr: float = 0.01, batch_size: int = 0) -> None:
    """batch_size: items of a step, drawn at random; 0: all, in each."""
    stepper = Stepper(network, network, Descent(optimizer=optimizer("adam", lr=lr)))
    for _ in range(steps):
        drawn = torch.randint(len(items.x), (batch_size,)) if batch_size else slice(None)
        stepper.update(loss, Labelled(items.x[drawn], items.y[drawn]))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("generative-pretraining")
def test_layers_learned_without_labels_start_a_classifier(tmp_path: Path) -> None:
    """First phase: an autoencoder on all digits, labels unseen. Second: fifty labels, from its first layer."""
    coder = api.train(OWN, runs=str(tmp_path), **QUIET)
    told: dict[str, Any] = {
        "data": "digits:50", "hidden": (64,), "dropout": 0.0, "epochs": 40.0, "batch_size": 10, "runs": str(tmp_path)
    }  # fmt: skip
    first = "network.layers.0.weight"
    frozen = api.train("mlp", from_run=str(coder.path), freeze=("layers.0",), **told, **QUIET)
    tuned = api.train("mlp", from_run=str(coder.path), **told, **QUIET)
    weights = [run.load().state_dict()[first] for run in (coder, frozen, tuned)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.cosine_similarity(weights[0].flatten(), weights[2].flatten(), dim=0) > 0.8
    assert frozen.test["accuracy"] > 0.6
    assert tuned.test["accuracy"] > 0.6


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("data-enlargement", "overfitting")
def test_more_samples_real_or_augmented_close_the_gap(tmp_path: Path) -> None:
    def gap(data: str, augment: bool = False) -> tuple[float, float]:
        """(test accuracy, train accuracy - test accuracy)"""
        run = api.train(
            "lenet5", data=data, augment=augment, epochs=100.0 if augment else 40.0, batch_size=32, activation="relu",
            runs=str(tmp_path), **QUIET,
        )  # fmt: skip
        train = api.evaluate(run, split="train")["accuracy"]
        return run.test["accuracy"], train - run.test["accuracy"]

    few, few_gap = gap("digits:100")
    more, more_gap = gap("digits:600")
    augmented, augmented_gap = gap("digits:100", augment=True)
    assert few < more
    assert few < augmented
    assert more_gap < few_gap
    assert augmented_gap < few_gap


def shapes(num_items: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One square (class 0) or disc (class 1) in a noisy image: images, classes, boxes (centre, size), masks."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    images, masks = np.zeros((num_items, 1, 16, 16)), np.zeros((num_items, 16, 16), dtype=np.int64)
    kinds, boxes = draw.integers(0, 2, num_items), np.zeros((num_items, 3))
    for i, kind in enumerate(kinds):
        radius = draw.integers(3, 5)
        y, x = draw.integers(radius, 16 - radius, 2)
        inside = (
            np.maximum(abs(rows - y), abs(columns - x)) <= radius - 1
            if kind == 0
            else np.hypot(rows - y, columns - x) <= radius
        )
        images[i, 0], masks[i], boxes[i] = inside, inside * (1 + kind), (y / 16, x / 16, radius / 16)
    images += draw.normal(0, 0.1, images.shape)
    return (
        torch.tensor(images, dtype=torch.float32),
        torch.tensor(kinds),
        torch.tensor(boxes, dtype=torch.float32),
        torch.tensor(masks),
    )


@pytest.mark.catalogue("supervised-learning")
def test_pairs_of_x_and_y_for_the_four_kinds_of_problem() -> None:
    """Classification, regression, detection and segmentation differ in y, loss and head alone."""
    torch.manual_seed(0)
    x, kind, box, mask = shapes(400, seed=0)
    seen_x, seen_kind, seen_box, seen_mask = shapes(200, seed=1)

    def body(outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(256, outputs),
        )  # fmt: skip

    classifier = body(2)
    learn(classifier, lambda b: Mean.of(cross_entropy(classifier(b.x), b.y)), Labelled(x, kind), 200, batch_size=64)
    assert (classifier(seen_x).argmax(1) == seen_kind).float().mean() > 0.9

    regressor = body(1)
    learn(regressor, lambda b: Mean.of(squared_error(regressor(b.x), b.y)), Labelled(x, box[:, :1]), 150, batch_size=64)
    assert (regressor(seen_x) - seen_box[:, :1]).abs().mean() < 0.06

    detector = body(2 + 3)

    def detection(batch: Any) -> dict[str, Mean]:
        out = detector(batch.x)
        labels, where = batch.y[:, 0].long(), batch.y[:, 1:]
        return {"class": Mean.of(cross_entropy(out[:, :2], labels)), "box": Mean.of(huber(out[:, 2:], where))}

    learn(detector, detection, Labelled(x, torch.cat([kind[:, None].float(), box], 1)), 250, batch_size=64)
    found = detector(seen_x)
    assert (found[:, :2].argmax(1) == seen_kind).float().mean() > 0.85
    assert (found[:, 2:] - seen_box).abs().mean() < 0.06

    segmenter = nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 12, 5, padding=2), nn.ReLU(),
        nn.Conv2d(12, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 3, 1),
    )  # fmt: skip
    learn(segmenter, lambda b: Mean.of(cross_entropy(segmenter(b.x), b.y)), Labelled(x, mask), 100, batch_size=32)
    assert (segmenter(seen_x).argmax(1) == seen_mask).float().mean() > 0.9


@pytest.mark.catalogue("unsupervised-learning")
def test_structure_of_x_without_labels() -> None:
    """Clustering, features, fewer dimensions, a density: none of them is shown a label."""
    data: Any = open_labelled("digits", batch_size=64)
    x = data.items("train").x.flatten(1).double() / 255
    labels = data.items("train").y.numpy()
    # Dimensionality reduction: a linear autoencoder finds the plane of the principal components.
    centred = x - x.mean(0)
    torch.manual_seed(0)
    coder = nn.Sequential(nn.Linear(64, 2, bias=False), nn.Linear(2, 64, bias=False)).double()
    learn(coder, lambda b: Mean.of(squared_error(coder(b.x), b.x)), Labelled(centred, centred), 600, lr=0.02)
    basis = np.linalg.qr(coder[1].weight.detach().numpy())[0]
    components = PCA(2).fit(centred.numpy()).components_
    np.testing.assert_allclose(np.linalg.svd(components @ basis)[1], [1, 1], atol=2e-3)
    # Feature learning: codes of a nonlinear one carry the classes far better than chance.
    deep = dense_layers((64, 32, 64)).double()
    learn(deep, lambda b: Mean.of(squared_error(deep(b.x), b.x)), Labelled(x, x), 300)
    codes = F.relu(deep[0](x)).detach().numpy()
    # Clustering of the codes: most of a cluster is one digit.
    clusters = KMeans(10, n_init=3, random_state=0).fit_predict(codes)
    purity = sum(np.bincount(labels[clusters == c]).max() for c in range(10)) / len(labels)
    assert purity > 0.6
    # Density modelling: a Gaussian of pixels finds digits likelier than noise of the same mean and spread.
    covariance = torch.tensor(np.cov(x.numpy().T) + 1e-2 * np.eye(64))
    density = torch.distributions.MultivariateNormal(x.mean(0), covariance)
    held_out: Tensor = data.items("test").x.flatten(1).double() / 255
    noise = x.mean(0) + x.std(0) * torch.randn(450, 64, generator=torch.Generator().manual_seed(0)).double()
    assert density.log_prob(held_out).mean() > density.log_prob(noise).mean()


@pytest.mark.catalogue("hyperparameter-list")
def test_the_knobs_that_every_trainer_exposes() -> None:
    network = {field.name for name in ("mlp", "small-convnet") for field in fields(CATALOGUE[name])}
    assert network >= {
        "lr", "hidden", "batch_size", "dropout", "initialisation", "augment", "clip_norm", "weight_decay", "optimizer",
        "l1", "kernel_size", "filters", "stride", "activation",
    }  # fmt: skip
    assert {"momentum", "nesterov"} <= set(KINDS) == set(get_args(OptimizerName))
    assert "momentum" in {field.name for field in fields(CATALOGUE["logistic-regression"])}


class DenseByHand(nn.Module):
    """The notes' own dense layer: z = x W + b."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(n_in, n_out) / n_in**0.5)
        self.b = nn.Parameter(torch.zeros(1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x @ self.W + self.b)


@pytest.mark.catalogue("framework-interoperability")
def test_the_fragments_of_the_notes_have_running_counterparts() -> None:
    from neurarium.networks.small_convnet import SmallConvNet

    torch.manual_seed(0)
    x = torch.randn(6, 3)
    by_hand, ready = DenseByHand(3, 2), nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
    with torch.no_grad():
        ready[0].weight.copy_(by_hand.W.T)
        ready[0].bias.copy_(by_hand.b[0])
    torch.testing.assert_close(by_hand(x), ready(x))

    model = dense_layers((3, 5, 4, 2))
    assert [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]

    loop = torch.optim.SGD(model.parameters(), lr=0.1)  # forward, loss, gradients, apply
    before = cross_entropy(model(x), torch.tensor([0, 1, 0, 1, 0, 1])).mean()
    before.backward()
    loop.step()
    assert cross_entropy(model(x), torch.tensor([0, 1, 0, 1, 0, 1])).mean() < before

    cell = nn.RNNCell(3, 4)
    h = torch.randn(6, 4)
    by_rule = torch.tanh(h @ cell.weight_hh.T + x @ cell.weight_ih.T + cell.bias_hh + cell.bias_ih)
    torch.testing.assert_close(cell(x, h), by_rule)

    assert SmallConvNet()(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    ours = {kind.func if hasattr(kind, "func") else kind for kind in KINDS.values()}
    assert {kind.__name__ for kind in ours} == {"SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW"}
    assert all(getattr(torch.optim, kind.__name__) is kind for kind in ours)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("feature-hierarchy")
def test_deeper_features_tell_classes_apart_better(tmp_path: Path, data_home: Path) -> None:
    """A linear probe on ten labels a class: the later the layer, the more of the class it says."""
    run = api.train(
        "lenet5", data="mnist:4000", epochs=8.0, augment=False, activation="relu", evaluations=1, runs=str(tmp_path),
        **QUIET,
    )  # fmt: skip
    task: Any = run.load()
    network = task.network
    data: Any = open_labelled("mnist", batch_size=128)
    held = data.items("test")
    layers: dict[str, np.ndarray] = {}
    with torch.no_grad():
        x = task.inputs(held.x[:2000])
        layers["pixels"] = x.flatten(1).numpy()
        early = network.activation(network.c1(x))
        layers["edges"] = network.s2(early).flatten(1).numpy()
        middle = network.s4(network.activation(network.c3(network.s2(early))))
        layers["parts"] = middle.flatten(1).numpy()
        layers["objects"] = network.features(x).numpy()
    y = held.y[:2000].numpy()
    probes = {}
    for name, features in layers.items():
        features = (features - features.mean(0)) / (features.std(0) + 1e-3)
        probe = LogisticRegression(C=0.1, max_iter=200).fit(features[:100], y[:100])
        probes[name] = probe.score(features[100:], y[100:])
    assert probes["objects"] > probes["parts"] > probes["edges"]
    assert probes["objects"] > probes["pixels"] + 0.03
    # What one unit can see: an edge, a part, the whole object.
    image = task.inputs(held.x[:1]).requires_grad_()
    first = network.activation(network.c1(image))
    second = network.activation(network.c3(network.s2(first)))

    def seen(unit: Tensor) -> list[int]:
        (gradient,) = torch.autograd.grad(unit.sum(), image, retain_graph=True)
        return [
            int(side)
            for side in (gradient[0, 0] != 0).nonzero().max(0)[0] - (gradient[0, 0] != 0).nonzero().min(0)[0] + 1
        ]

    assert seen(network.c1(image)[0, :, 14, 14]) == [5, 5]
    assert seen(network.c3(network.s2(first))[0, :, 5, 5]) == [14, 14]
    assert min(seen(network.output(network.features(image)))) > 28
    assert second.shape[1:] == (16, 10, 10)


@pytest.mark.catalogue("gpu-training")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_gives_the_cpus_results_to_rounding(tmp_path: Path) -> None:
    runs = [
        api.train("mlp", epochs=2.0, device=device, dropout=0.0, exact=True, runs=str(tmp_path))
        for device in ("cpu", "cuda")
    ]
    losses = [[row["loss"] for row in run.rows if row["split"] == "train"] for run in runs]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def test_settings_hold_what_belongs_to_the_engine() -> None:
    """No recipe repeats a flag of the engine."""
    engine = {field.name for field in fields(Settings)}
    for kind in CATALOGUE.values():
        assert not engine & {field.name for field in fields(kind)}
