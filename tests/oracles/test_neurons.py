"""One neuron and its penalties: against the rule on paper, the normal equations and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from torch import Tensor, nn

from neurarium import api
from neurarium.data.memory import InMemory
from neurarium.losses.classification import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    perceptron_criterion,
)
from neurarium.losses.regression import squared_error
from neurarium.networks.linear import LinearModel
from neurarium.networks.mlp import MLP
from neurarium.nn.inputs import VectorInput
from neurarium.tasks.classification import Classifier
from neurarium.tasks.perceptron import Perceptron
from neurarium.tasks.regression import Regressor
from neurarium.train.batches import Labelled
from neurarium.train.data import Shard, Spec
from neurarium.train.descent import Descent
from neurarium.train.hardware import FastPath
from neurarium.train.mean import Mean
from neurarium.train.optimizers import optimizer
from neurarium.train.recipe import Goal
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper

CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TRUTH = {
    "and": torch.tensor([0, 0, 0, 1]),
    "or": torch.tensor([0, 1, 1, 1]),
    "xor": torch.tensor([0, 1, 1, 0]),
}
QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


def perceptron(lr: float = 1.0) -> Perceptron:
    return Perceptron(
        network=LinearModel(in_features=2),
        inputs=VectorInput(),
        classes=("no", "yes"),
        descent=Descent(optimizer=optimizer("sgd", lr=lr)),
    )


def passes_until_no_update(x: Tensor, y: Tensor, most: int, lr: float = 1.0) -> tuple[Perceptron, int]:
    """Pass after pass in the order of the items, until one brings no update; `most` + 1 where none ever does."""
    task = perceptron(lr)
    stepper = Stepper(task, task, task.descent)
    for number in range(1, most + 1):
        before = [p.detach().clone() for p in task.parameters()]
        moved = False
        for i in range(len(x)):
            stepper.update(task.loss, Labelled(x[i : i + 1], y[i : i + 1]))
            after = [p.detach().clone() for p in task.parameters()]
            moved |= any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
            before = after
        if not moved:
            return task, number
    return task, most + 1


@pytest.mark.catalogue("perceptron", "hebbian-perceptron-rule")
@pytest.mark.parametrize("eta", [1.0, 0.25])
def test_the_perceptron_moves_as_on_paper(eta: float) -> None:
    """w_i(k+1) = w_i(k) + eta x_i(k) t(k) for a misclassified sample, t in {-1, +1}; nothing for the others."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2)).astype(np.float32)
    y = (x @ [1.0, -2.0] + 0.3 > 0).astype(np.int64)
    task = perceptron(eta)
    stepper = Stepper(task, task, task.descent)
    w, w_0, corrections = np.zeros(2), 0.0, 0
    for i in range(60):
        t = 2 * y[i] - 1
        if t * (w @ x[i] + w_0) <= 0:
            w, w_0, corrections = w + eta * t * x[i], w_0 + eta * t, corrections + 1
        stepper.update(task.loss, Labelled(torch.tensor(x[i : i + 1]), torch.tensor(y[i : i + 1])))
        np.testing.assert_allclose(task.network.linear.weight.detach().numpy()[0], w, rtol=1e-5, atol=1e-6)
        assert task.network.linear.bias.item() == pytest.approx(w_0, abs=1e-6)
    assert 3 < corrections < 40


@pytest.mark.catalogue("perceptron", "hebbian-perceptron-rule", "xor-problem")
def test_and_and_or_are_learned_and_xor_never() -> None:
    for name in ("and", "or"):
        task, passes = passes_until_no_update(CORNERS, TRUTH[name], most=50)
        assert passes < 20, name
        assert task.predict(CORNERS).tolist() == TRUTH[name].tolist()
        score = task.score(CORNERS)
        assert ((score > 0).long() == task.predict(CORNERS)).all()  # y = step(w^T x + w_0), threshold 0
    task, passes = passes_until_no_update(CORNERS, TRUTH["xor"], most=500)
    assert passes == 501
    assert task.predict(CORNERS).tolist() != TRUTH["xor"].tolist()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("perceptron", "hebbian-perceptron-rule", "xor-problem")
def test_training_stops_by_itself_on_separable_data_alone(tmp_path: Path) -> None:
    stopped = api.train("perceptron", runs=str(tmp_path), **QUIET)
    assert "accuracy reached 1" in stopped.run.header["stopped"]
    steps = stopped.rows[-1]["step"]
    assert steps % stopped.run.header["spec"]["sizes"]["train"] == 0  # after a whole pass
    never = api.train("perceptron", data="xor", epochs=5.0, runs=str(tmp_path), **QUIET)
    assert never.run.header["stopped"] == ""


@pytest.mark.catalogue("xor-problem", "multilayer-perceptron")
def test_one_hidden_layer_fits_all_four_points() -> None:
    torch.manual_seed(0)
    task = Classifier(
        network=MLP(in_features=2, hidden=(4,), out_features=2, activation=nn.Tanh),
        inputs=VectorInput(mean=[0.5, 0.5], std=[0.5, 0.5]),
        classes=("0", "1"),
        descent=Descent(optimizer=optimizer("adam", lr=0.05)),
    )
    stepper = Stepper(task, task, task.descent)
    for _ in range(300):
        stepper.update(task.loss, Labelled(CORNERS, TRUTH["xor"]))
    assert task.predict(CORNERS).tolist() == [0, 1, 1, 0]


@pytest.mark.catalogue("perceptron-criterion")
def test_the_criterion_sums_distances_of_misclassified_points_alone() -> None:
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(40, 2, generator=draw, dtype=torch.float64)
    t = torch.where(torch.rand(40, generator=draw) < 0.5, -1.0, 1.0).double()
    w = torch.tensor([0.7, -0.4], dtype=torch.float64, requires_grad=True)
    w_0 = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    score = x @ w + w_0
    error = perceptron_criterion(score, t).sum()
    wrong = (score * t <= 0).detach()
    assert error.item() == pytest.approx(-(t * score)[wrong].sum().item())
    # The distance of a point from the hyperplane is |w^T x + w_0| / |w|.
    distances = (score[wrong] / w.norm()).abs().sum() * w.norm()
    assert error.item() == pytest.approx(distances.item())
    error.backward()
    torch.testing.assert_close(w.grad, -(t[:, None] * x)[wrong].sum(0))
    torch.testing.assert_close(w_0.grad, -t[wrong].sum())
    false_positive, false_negative = wrong & (t < 0), wrong & (t > 0)
    assert (score[false_positive] > 0).all()
    assert (score[false_negative] < 0).all()
    assert false_positive.any()
    assert false_negative.any()


def standardised(name: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = (load_diabetes if name == "diabetes" else load_breast_cancer)(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    return x.astype(np.float64), ((y - y.mean()) / y.std() if name == "diabetes" else y).astype(np.float64)


def descend(x: np.ndarray, y: np.ndarray, steps: int, descent: Descent) -> LinearModel:
    """Batch gradient descent of one linear neuron through a Stepper, in double precision."""
    network = LinearModel(in_features=x.shape[1]).double()
    inputs, targets = torch.tensor(x), torch.tensor(y)[:, None]
    stepper = Stepper(network, network, descent)
    for _ in range(steps):
        stepper.update(lambda batch: Mean.of(squared_error(network(batch.x), batch.y)), Labelled(inputs, targets))
    return network


@pytest.mark.catalogue("linear-regression")
def test_gradient_descent_agrees_with_the_normal_equations() -> None:
    x, y = standardised("diabetes")
    network = descend(x, y, 6000, Descent(optimizer=optimizer("nesterov", lr=0.1)))
    ones = np.c_[x, np.ones(len(x))]
    exact = np.linalg.solve(ones.T @ ones, ones.T @ y)
    found = np.r_[network.linear.weight.detach().numpy()[0], network.linear.bias.detach().numpy()]
    np.testing.assert_allclose(found, exact, atol=1e-5)
    judge = LinearRegression().fit(x, y)
    np.testing.assert_allclose(found[:-1], judge.coef_, atol=1e-5)


@pytest.mark.catalogue("weight-decay")
@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_weight_decay_is_ridge(gamma: float) -> None:
    """An optimizer's weight decay gamma adds (gamma / 2) w^2, here to the mean of squared errors."""
    x, y = standardised("diabetes")
    network = descend(x, y, 3000, Descent(optimizer=optimizer("nesterov", lr=0.03, weight_decay=gamma)))
    judge = Ridge(alpha=len(x) * gamma / 2, fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(network.linear.weight.detach().numpy()[0], judge.coef_, atol=1e-5)
    # MAP: w_j ~ N(0, s_w^2) and noise s^2 weigh w^2 by s^2 / s_w^2 against the sum of squared errors.
    s, s_w = 0.8, 0.8 / np.sqrt(len(x) * gamma / 2)
    precision = x.T @ x / s**2 + np.eye(x.shape[1]) / s_w**2
    np.testing.assert_allclose(judge.coef_, np.linalg.solve(precision, x.T @ y / s**2), atol=1e-8)


@pytest.mark.catalogue("lasso")
@pytest.mark.parametrize("gamma", [0.1, 0.3])
def test_the_proximal_step_gives_the_lasso_with_exact_zeros(gamma: float) -> None:
    x, y = standardised("diabetes")
    network = descend(x, y, 3000, Descent(optimizer=optimizer("sgd", lr=0.05), l1=gamma))
    judge = Lasso(alpha=gamma / 2, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(x, y)
    found = network.linear.weight.detach().numpy()[0]
    np.testing.assert_allclose(found, judge.coef_, atol=1e-5)
    np.testing.assert_array_equal(found == 0, judge.coef_ == 0)
    assert 0 < (found == 0).sum() < len(found)
    ridge = descend(x, y, 1000, Descent(optimizer=optimizer("sgd", lr=0.05, weight_decay=gamma)))
    assert (ridge.linear.weight != 0).all()


def test_a_step_that_is_not_finite_does_not_shrink_either() -> None:
    network = LinearModel(in_features=2, zero_init=False)
    stepper = Stepper(network, network, Descent(optimizer=optimizer("sgd"), l1=0.5))
    before = network.linear.weight.detach().clone()
    batch = Labelled(torch.full((1, 2), float("inf")), torch.zeros(1, 1))
    stepper.update(lambda b: Mean.of(squared_error(network(b.x), b.y)), batch)
    assert torch.equal(network.linear.weight, before)


@pytest.mark.catalogue("logistic-regression")
def test_logistic_regression_is_one_sigmoid_neuron_with_binary_cross_entropy() -> None:
    x, y = standardised("breast cancer")
    inputs, labels = torch.tensor(x), torch.tensor(y)
    penalty = 0.5 / len(x)  # scikit-learn's C = 1 weighs the sum of losses against half the squared norm

    def minimum(model: LinearModel, loss: Any) -> LinearModel:
        lbfgs = torch.optim.LBFGS(
            model.parameters(), max_iter=2000, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            lbfgs.zero_grad()
            value = loss()
            value.backward()
            return value

        lbfgs.step(closure)
        return model

    neuron = LinearModel(in_features=30).double()
    minimum(
        neuron,
        lambda: (
            binary_cross_entropy_with_logits(neuron(inputs).squeeze(1), labels).mean()
            + penalty * neuron.linear.weight.square().sum()
        ),
    )
    judge = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(neuron.linear.weight.detach().numpy(), judge.coef_, atol=1e-4)
    probability = torch.sigmoid(neuron(inputs)).squeeze(1).detach().numpy()
    np.testing.assert_allclose(probability, judge.predict_proba(x)[:, 1], atol=1e-4)
    # Two softmax outputs are the same model: their difference is the neuron's sum.
    pair = LinearModel(in_features=30, out_features=2).double()
    with torch.no_grad():
        pair.linear.weight.copy_(torch.cat([-neuron.linear.weight / 2, neuron.linear.weight / 2]))
        pair.linear.bias.copy_(torch.cat([-neuron.linear.bias / 2, neuron.linear.bias / 2]))
    torch.testing.assert_close(
        cross_entropy(pair(inputs), labels.long()),
        binary_cross_entropy_with_logits(neuron(inputs).squeeze(1), labels),
    )


def overfitting_data() -> InMemory:
    """Thirty noisy points of a sine, with a validation split on which a wide network soon does worse."""
    draw = np.random.default_rng(1)

    def part(num_items: int) -> Labelled:
        x = draw.uniform(-2, 2, size=(num_items, 1))
        y = np.sin(2 * x[:, 0]) + draw.normal(0, 0.5, size=num_items)
        return Labelled(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))

    spec = Spec(shape=(1,), sizes={"train": 20}, fitted={"kind": "points", "mean": [0.0], "std": [1.0]})
    return InMemory({"train": part(20), "validation": part(200), "test": part(200)}, spec, batch_size=20)


@pytest.mark.catalogue("early-stopping", "overfitting")
def test_early_stopping_restores_the_weights_of_the_best_validation_epoch(tmp_path: Path) -> None:
    from neurarium.runs.run import Run
    from neurarium.train.fit import Plan, fit
    from neurarium.train.training import build

    torch.set_num_threads(1)

    class Overfit:
        """A recipe's share of what `build` asks for."""

        name, goal = "overfit", Goal("loss", best="min")

        def task(self, spec: Spec) -> Regressor:
            network = MLP(in_features=1, hidden=(100, 100), out_features=1, activation=nn.Tanh)
            descent = Descent(optimizer=optimizer("adam", lr=0.01))
            return Regressor(network=network, inputs=VectorInput(), mean=0.0, std=1.0, descent=descent)

    class Silent:
        def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

        def say(self, text: str) -> None: ...

    data = overfitting_data()
    settings = Settings(patience=5, evaluations=100, threads=1)
    training = build(Overfit(), data, settings, FastPath("cpu"), Shard())  # type: ignore[arg-type]
    run = Run.create(tmp_path, "overfit", {"name": "overfit"})
    plan = Plan.of(2000, Overfit.goal, 10, settings)
    with run.lock():
        fit(training, data, run, plan, Shard(), Silent())
    scores = {row["step"]: row["loss"] for row in run.rows("validation")}
    best = min(scores, key=scores.__getitem__)
    assert max(scores) == best + 5 * 20  # five evaluations without a better one
    assert max(scores) < 2000
    assert scores[max(scores)] > 1.02 * scores[best]
    training.task.eval()
    measured = training.task.evaluate(data.split("validation", shard=Shard()))["loss"]
    assert measured == pytest.approx(scores[best], rel=1e-5)
    # Overfitting: the training error went on falling while the validation error rose.
    rows = {row["step"]: row["loss"] for row in run.rows("train")}
    assert rows[max(rows)] < rows[best] < scores[best]
    assert run.rows("test")[-1]["step"] == best


def test_stochastic_weight_averaging_is_the_mean_of_the_weights(tmp_path: Path) -> None:
    x, y = standardised("diabetes")
    inputs, targets = torch.tensor(x), torch.tensor(y)[:, None]
    network = LinearModel(in_features=10).double()
    stepper = Stepper(network, network, Descent(optimizer=optimizer("sgd", lr=0.1), swa=4))
    passed = []
    for i in range(10):
        batch = Labelled(inputs[i * 40 : (i + 1) * 40], targets[i * 40 : (i + 1) * 40])
        stepper.update(lambda batch: Mean.of(squared_error(network(batch.x), batch.y)), batch)
        passed.append(network.linear.weight.detach().clone())
        with stepper.averaged():
            expected = torch.stack(passed[4:]).mean(0) if i >= 4 else passed[-1]
            torch.testing.assert_close(network.linear.weight.detach(), expected)
        assert torch.equal(network.linear.weight, passed[-1])
