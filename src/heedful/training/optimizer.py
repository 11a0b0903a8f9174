"""How weights move: AdamW, its schedule, and the running average of the weights."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from heedful.sections import Train


def adamw(network: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) with decay on matrices only: biases, norms and embeddings keep their size."""
    tables = {id(part.weight) for part in network.modules() if isinstance(part, nn.Embedding)}
    groups: tuple[list[Tensor], list[Tensor]] = ([], [])
    for weight in network.parameters():
        groups[weight.dim() < 2 or id(weight) in tables].append(weight)
    return torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": decay}, {"params": groups[1], "weight_decay": 0.0}],
        lr=rate,
        betas=(0.9, 0.98),  # Vaswani et al. 2017, section 5.3: a second moment that follows early training
        fused=True,
    )


def factor(train: Train, done: float, step: int) -> float:
    """The share of the peak learning rate in force, when `done` of the budget is spent (0 to 1) and `step` begins.

    Warm-up below 1 is a share of the budget, else a number of steps.
    """
    warmup = float(train.warmup)
    spent = done / warmup if 0 < warmup < 1 else (step + 1) / warmup if warmup else 1.0
    if spent < 1:
        return max(spent, 1e-3)
    if train.schedule == "constant":
        return 1.0
    if train.schedule == "inverse_sqrt":
        return spent**-0.5
    begin = warmup if warmup < 1 else done / spent
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - begin) / max(1e-9, 1 - begin))))


class Average:
    """The exponential average of a network's weights: what is validated and kept, smoother than the last step's.

    The decay grows from 0 to `decay` over the first steps, so that the random beginning is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in network.named_parameters()}

    def update(self, network: nn.Module, step: int) -> None:
        """Takes the weights after `step` steps in."""
        now = min(self.decay, step / (step + 10))
        for name, weight in network.named_parameters():  # by name: a checkpoint gives them back in another order
            self.weights[name].lerp_(weight.detach(), 1 - now)

    def swap(self, network: nn.Module) -> None:
        """Exchanges the network's weights with the averaged ones; called twice, all is as before."""
        for name, weight in network.named_parameters():
            kept = weight.detach().clone()
            weight.data.copy_(self.weights[name])
            self.weights[name] = kept


def scale_gradients(weights: Iterable[Tensor], by: float) -> None:
    """Multiplies all gradients: sums over tokens become means over all the tokens of a step."""
    for weight in weights:
        if weight.grad is not None:
            weight.grad.mul_(by)
