"""One optimizer, and all that lies between a loss and new weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from neurarium.train import ranks
from neurarium.train.data import Batch, State
from neurarium.train.descent import Descent
from neurarium.train.gradients import Losses, accumulate
from neurarium.train.recipe import UserError
from neurarium.train.safe_step import fused, safe_step
from neurarium.train.transfer import Transfer


class Stepper:
    """Moves the parameters of some modules of a task; `update` is its whole interface to a task.

    It equals the hand-written loop `loss.backward(); optimizer.step(); optimizer.zero_grad()` with the mean over all
    items of all micro-batches and ranks. A step whose gradient is not finite moves nothing and is counted in
    `num_bad`, on the device.

    task: parameters of its other modules are frozen while this stepper's loss is computed.
    precision: "float32" or "bfloat16", the autocast of each forward pass.
    micro_batches: parts into which a batch is cut to save memory.
    transfer: what is frozen, for how long, and what learns at another rate.
    """

    def __init__(
        self,
        task: nn.Module,
        modules: nn.Module | Iterable[nn.Module],
        descent: Descent,
        *,
        precision: str = "float32",
        micro_batches: int = 1,
        transfer: Transfer = Transfer(),
    ) -> None:
        modules = [modules] if isinstance(modules, nn.Module) else list(modules)
        mine = {id(p) for module in modules for p in module.parameters()}
        names = {id(p): name for name, p in task.named_parameters()}
        named = [(names[key], p) for key, p in _unique(modules) if p.requires_grad]
        if not named:
            raise ValueError("A stepper needs modules with parameters that require gradients, received none.")
        self.thaw_at = transfer.thaw
        self.frozen = [p for name, p in named if name in transfer.freeze]
        self.frozen_norms = _norms_of(modules, self.frozen)
        if len(self.frozen) == len(named):
            raise UserError("Everything is frozen, so nothing would be learned. Freeze less.")
        if not self.thaw_at:
            named = [(name, p) for name, p in named if name not in transfer.freeze]
        self.names = [name for name, _ in named]
        self.parameters = [p for _, p in named]
        self.others = [p for p in task.parameters() if id(p) not in mine]
        self.descent = descent
        self.optimizer = fused(descent.optimizer, _groups(named, dict(transfer.rates)))
        for group in self.optimizer.param_groups:
            group["lr"] *= group.pop("factor", 1.0)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.device = self.parameters[0].device
        self.precision = precision
        self.micro_batches = micro_batches
        self.count = 0
        self._sent: dict[float, Tensor] = {}
        self.num_bad = torch.zeros((), device=self.device)
        averages = descent.ema is not None or descent.swa is not None
        self.average = [p.detach().clone() for p in self.parameters] if averages else []
        self.history = [torch.zeros_like(p) for p in self.parameters] if descent.history else []
        self.set_frozen(bool(self.frozen))

    @property
    def learning_rate(self) -> float:
        return self.rates[0] * self.descent.schedule(self.count)

    def update(self, loss_fn: Callable[[Any], Losses], batch: Batch) -> Losses:
        """One step on the losses of one batch; returns them as before the step, summed over micro-batches and ranks.

        loss_fn: from a batch to a Mean, or to Means by name. Those that carry a gradient are minimised, each divided by
        its own count, and summed; the others are only passed on. Raises ValueError when none carries one.
        """
        if self.frozen and self.thaw_at and self.count == self.thaw_at:
            self.set_frozen(False)
        with self._others_frozen():
            losses, scale = accumulate(
                loss_fn, batch, self.parameters, precision=self.precision, micro_batches=self.micro_batches
            )
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self._descend(gradients, scale)
        return losses

    def set_frozen(self, frozen: bool) -> None:
        """Freeze or thaw what the transfer names. Batch statistics of frozen parts are used and not updated."""
        for parameter in self.frozen:
            parameter.requires_grad_(not frozen)
        for module in self.frozen_norms:
            module.train(not frozen)

    def hold(self) -> None:
        """After `task.train()`: what is frozen at this step stays so."""
        if self.frozen:
            self.set_frozen(not self.thaw_at or self.count <= self.thaw_at)

    def _descend(self, gradients: list[Tensor], scale: Tensor | float) -> None:
        descent, optimizer = self.descent, self.optimizer
        ranks.sum_gradients(gradients)
        if self.history:
            self._remember(scale)
        if descent.clip_norm is None and self.device.type in ("cpu", "cuda"):
            bad = torch.zeros((), device=self.device)
            # One pass and one kernel, as in torch's GradScaler; half the time of a norm, which only clipping needs.
            torch._amp_foreach_non_finite_check_and_unscale_(gradients, bad, self._on_device(1.0))
        else:
            norm = get_total_norm(gradients)
            bad = torch.isfinite(norm).logical_not_().float()
        self.num_bad += bad
        if descent.clip_norm is not None:
            scale = scale * torch.clamp(norm / scale / descent.clip_norm, min=1.0)
        if descent.clip_value is not None:
            torch._foreach_div_(gradients, self._on_device(scale))
            torch._foreach_clamp_min_(gradients, -descent.clip_value)
            torch._foreach_clamp_max_(gradients, descent.clip_value)
            scale = 1.0
        factor = descent.schedule(self.count)
        for group, rate in zip(optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        safe_step(optimizer, self.parameters, gradients, scale=self._on_device(scale), bad=bad)
        optimizer.zero_grad(set_to_none=True)
        if descent.l1:
            self._shrink(bad)
        if descent.weight_bound is not None:
            self._clamp(bad, descent.weight_bound)
        self.count += 1
        if self.average:
            weight = 1 / max(1, self.count - (descent.swa or 0)) if descent.ema is None else 1 - descent.ema
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], weight)

    @torch.no_grad()
    def _shrink(self, bad: Tensor) -> None:
        """The proximal step of the lasso: w = sign(w) max(|w| - rate l1, 0), for weights that learn."""
        for group in self.optimizer.param_groups:
            by = (1 - bad) * (group["lr"] * self.descent.l1)
            for weight in (p for p in group["params"] if p.dim() > 1 and p.requires_grad):
                weight.sub_(weight.clamp(-by, by))

    @torch.no_grad()
    def _clamp(self, bad: Tensor, bound: float) -> None:
        """Every parameter that learns into [-bound, bound]; a bad step moves nothing."""
        limit = torch.where(bad > 0, torch.inf, bound)
        for parameter in (p for p in self.parameters if p.requires_grad):
            parameter.clamp_(-limit, limit)

    @torch.no_grad()
    def _remember(self, scale: Tensor | float) -> None:
        """The gradient of history |w - m|^2, times what the gradients are still to be divided by."""
        torch._foreach_lerp_(self.history, [p.detach() for p in self.parameters], 1 / (self.count + 1))
        for parameter, mean in zip(self.parameters, self.history, strict=True):
            if parameter.grad is not None:
                parameter.grad += 2 * self.descent.history * scale * (parameter - mean)

    def _on_device(self, number: Tensor | float) -> Tensor:
        """A float32 scalar there; plain numbers are sent once, for each copy would wait for the device."""
        if isinstance(number, Tensor):
            return number.float()
        if number not in self._sent:
            self._sent[number] = torch.tensor(number, dtype=torch.float32, device=self.device)
        return self._sent[number]

    @contextmanager
    def _others_frozen(self) -> Iterator[None]:
        """Freeze at the forward: compiled and sharded backward obey that, and not `backward(inputs=...)`."""
        others = [p for p in self.others if p.requires_grad]
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in others:
                parameter.requires_grad_(True)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The moving average of the weights in place of the weights, where there is one."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self.parameters, self.average, strict=False):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    def state(self) -> State:
        """Everything that the next step depends on, but for the parameters themselves."""
        state: State = {"count": self.count, "num_bad": self.num_bad}
        for name, parameter in zip(self.names, self.parameters, strict=True):
            for key, value in self.optimizer.state.get(parameter, {}).items():
                if value is not None:
                    state[f"optimizer.{name}.{key}"] = value
        for kind, tensors in self._means():
            state |= {f"{kind}.{name}": tensor for name, tensor in zip(self.names, tensors, strict=False)}
        return state

    @torch.no_grad()
    def restore(self, state: State) -> None:
        self.count = int(state["count"])
        self.hold()
        self.num_bad = torch.as_tensor(state["num_bad"], device=self.device).clone()
        for name, parameter in zip(self.names, self.parameters, strict=True):
            prefix = f"optimizer.{name}."
            moments = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if moments:
                self.optimizer.state[parameter] = {k: _like(parameter, value) for k, value in moments.items()}
        for kind, tensors in self._means():
            for name, tensor in zip(self.names, tensors, strict=False):
                tensor.copy_(torch.as_tensor(state[f"{kind}.{name}"]))

    def _means(self) -> tuple[tuple[str, list[Tensor]], ...]:
        """Tensors shaped as the parameters, which only some descents keep."""
        return ("average", self.average), ("history", self.history)


def _unique(modules: Iterable[nn.Module]) -> Iterator[tuple[int, nn.Parameter]]:
    """Each parameter once, tied or not."""
    seen: set[int] = set()
    for module in modules:
        for parameter in module.parameters():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield id(parameter), parameter


def _norms_of(modules: Iterable[nn.Module], frozen: list[nn.Parameter]) -> list[nn.Module]:
    """Layers with batch statistics whose own parameters are frozen."""
    ids = {id(p) for p in frozen}
    inner = (layer for module in modules for layer in module.modules())
    return [
        layer for layer in inner if hasattr(layer, "running_mean") and any(id(p) in ids for p in layer.parameters())
    ]


def _groups(named: list[tuple[str, nn.Parameter]], rates: Mapping[str, float]) -> list[Any]:
    """One group for each factor on the learning rate, or the bare parameters where there is only one."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in named:
        groups.setdefault(rates.get(name, 1.0), []).append(parameter)
    if list(groups) == [1.0]:
        return groups[1.0]
    return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]


def _like(parameter: Tensor, value: Any) -> Any:
    """A copy in the parameter's own memory layout: fused kernels read both in storage order."""
    if not isinstance(value, Tensor):
        return value
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
