"""scikit-learn as judge of the linear model and of the multilayer perceptron."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import hinge_loss, log_loss
from sklearn.neural_network import MLPClassifier
from torch import nn

from neurarium.losses.classification import cross_entropy, perceptron_criterion
from neurarium.losses.regression import squared_error
from neurarium.networks.linear import LinearModel
from neurarium.networks.mlp import MLP

PIXELS, DIGITS = load_digits(return_X_y=True)
X, Y = torch.tensor(PIXELS[:400] / 16), torch.tensor(DIGITS[:400])


def fit(model: nn.Module, loss: Callable[[], torch.Tensor]) -> None:
    """Full-batch L-BFGS to the minimum of a convex loss."""
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=1000, tolerance_grad=1e-9, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)


def test_linear_regression_finds_the_least_squares_solution() -> None:
    inputs, target = X[:, 18:30], X[:, 36:38]  # pixels of the middle, which vary
    model = LinearModel(in_features=12, out_features=2).double()
    fit(model, lambda: squared_error(model(inputs), target).mean())
    judge = LinearRegression().fit(inputs.numpy(), target.numpy())
    np.testing.assert_allclose(model.linear.weight.detach().numpy(), judge.coef_, atol=1e-5)
    np.testing.assert_allclose(model.linear.bias.detach().numpy(), judge.intercept_, atol=1e-5)


def test_logistic_regression_finds_scikit_learns_minimum() -> None:
    model = LinearModel(in_features=64, out_features=10).double()
    penalty = 0.5 / len(X)  # scikit-learn's C = 1 weighs the sum of losses against half the squared norm
    fit(model, lambda: cross_entropy(model(X), Y).mean() + penalty * model.linear.weight.square().sum())
    judge = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000).fit(X.numpy(), Y.numpy())
    np.testing.assert_allclose(model.linear.weight.detach().numpy(), judge.coef_, atol=1e-4)
    probabilities = model(X).softmax(1).detach().numpy()
    np.testing.assert_allclose(probabilities, judge.predict_proba(X.numpy()), atol=1e-4)


def test_mlp_with_scikit_learns_weights_gives_its_probabilities() -> None:
    judge = MLPClassifier(hidden_layer_sizes=(20, 15), activation="tanh", solver="lbfgs", max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # any weights will do
        judge.fit(X.numpy(), Y.numpy())
    model = MLP(in_features=64, hidden=(20, 15), out_features=10, activation=nn.Tanh).double()
    layers = [layer for layer in model.layers if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, weight, bias in zip(layers, judge.coefs_, judge.intercepts_, strict=True):
            layer.weight.copy_(torch.tensor(weight.T))
            layer.bias.copy_(torch.tensor(bias))
        logits = model(X.view(-1, 8, 8))
    np.testing.assert_allclose(logits.softmax(1).numpy(), judge.predict_proba(X.numpy()), atol=1e-12)
    judged = log_loss(Y.numpy(), judge.predict_proba(X.numpy()))
    np.testing.assert_allclose(cross_entropy(logits, Y).mean().item(), judged, rtol=1e-9)


def test_perceptron_criterion_is_the_hinge_without_margin() -> None:
    score, target = torch.randn(50, dtype=torch.float64), torch.randint(2, (50,)) * 2 - 1
    # max(0, 1 - t s') with s' = s + t is max(0, -t s).
    hinge = hinge_loss(target.numpy(), (score + target).numpy())
    np.testing.assert_allclose(perceptron_criterion(score, target).mean().item(), hinge, rtol=1e-12)
