"""How weights move: AdamW or Muon, the schedule, and the running average of the weights."""

import math
from collections.abc import Container, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from heedful.networks.joins import Network
from heedful.schema import TrainSettings
from heedful.training.machine import multiplies_bfloat16
from heedful.training.muon import Muon


def optimizers(network: nn.Module, train: TrainSettings) -> list[torch.optim.Optimizer]:
    """What moves the weights, each of them by one: AdamW, and Muon before it where the settings ask for it."""
    settings = float(train.learning_rate), train.weight_decay, train.layer_decay
    reduced = multiplies_bfloat16(train.device)
    matrices = layer_matrices(network) if train.optimizer == "muon" else set[int]()
    rest = adamw(network, *settings, without=matrices)
    return [muon(network, matrices, reduced, *settings), rest] if matrices else [rest]


def muon(
    network: nn.Module, matrices: Container[int], reduced: bool, rate: float, decay: float, layer_decay: float = 1.0
) -> Muon:
    """Muon (Jordan et al. 2024) on these weights, `reduced` to bfloat16 or not, with shares of a rate as AdamW has."""
    scales = rate_scales(network, layer_decay)
    groups: dict[float, list[Tensor]] = {}
    for name, weight in network.named_parameters():
        if id(weight) in matrices:
            groups.setdefault(scales[name], []).append(weight)
    shares = [{"params": weights, "scale": scale, "lr": rate * scale} for scale, weights in groups.items()]
    return Muon(shares, rate, decay, reduced)


def layer_matrices(network: nn.Module) -> set[int]:
    """The ids of the matrices in the layers of encoders and decoders that learn.

    Embeddings, and what stands above the layers, are left out: their rows are entries of a vocabulary or classes.
    """
    parts = network.layered() if isinstance(network, Network) else []
    layers = [layer for part in parts for layer in part.layer_modules()]
    return {
        id(weight) for layer in layers for weight in layer.parameters() if weight.dim() == 2 and weight.requires_grad
    }


def adamw(
    network: nn.Module, rate: float, decay: float, layer_decay: float = 1.0, without: Container[int] = ()
) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) with decay on matrices only: biases, norms and embeddings keep their size.

    Each layer learns at `layer_decay` times the rate of the one above it (Howard & Ruder 2018, section 3.2), which a
    group tells as its share. Frozen weights stand in no group, nor do those of the ids `without`.
    """
    tables = {id(part.weight) for part in network.modules() if isinstance(part, nn.Embedding)}
    scales = rate_scales(network, layer_decay)
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad and id(weight) not in without:
            undecayed = weight.dim() < 2 or id(weight) in tables
            groups.setdefault((scales[name], undecayed), []).append(weight)
    return torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": 0.0 if undecayed else decay, "scale": scale, "lr": rate * scale}
            for (scale, undecayed), weights in groups.items()
        ],
        lr=rate,
        betas=(0.9, 0.98),  # Vaswani et al. 2017, section 5.3: a second moment that follows early training
        fused=True,
    )


def move(optimizers: Sequence[torch.optim.Optimizer], stop: Tensor | None = None) -> None:
    """Moves all weights a step; where `stop`, a number on their device, is 1, they and what optimizers keep stay."""
    for optimizer in optimizers:
        vars(optimizer)["found_inf"] = stop  # where torch's fused AdamW looks for it (torch.amp.GradScaler)
        optimizer.step()


def set_rate(optimizers: Sequence[torch.optim.Optimizer], rate: float) -> None:
    """Gives every group its share of a rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]


def rate_scales(network: nn.Module, layer_decay: float) -> dict[str, float]:
    """The share of the learning rate that each weight learns at.

    What stands above all layers learns at the whole rate, the top layer of each side at `layer_decay` of it, the next
    at its square, and embeddings one below the lowest layer. What has no layers learns at the whole rate.
    """
    depths = network.depths() if isinstance(network, Network) else {}
    return {name: layer_decay ** depths.get(name, 0) for name, _ in network.named_parameters()}


def factor(train: TrainSettings, done: float, step: int) -> float:
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

    The decay grows from 0 to `decay` over the first steps, so that the random beginning is soon forgotten. Frozen
    weights are left out.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {
            name: weight.detach().clone() for name, weight in network.named_parameters() if weight.requires_grad
        }

    def update(self, network: nn.Module, step: int, stop: Tensor | None = None) -> None:
        """Takes the weights after `step` steps in, but where `stop`, a number on their device, is 1."""
        share = 1 - min(self.decay, step / (step + 10))
        amount = share if stop is None else share * (1 - stop)
        for name, weight in network.named_parameters():  # by name: a checkpoint gives them back in another order
            if name in self.weights:
                self.weights[name].lerp_(weight.detach(), amount)

    def swap(self, network: nn.Module) -> None:
        """Exchanges the network's weights with the averaged ones; called twice, all is as before."""
        for name, weight in network.named_parameters():
            if name in self.weights:
                previous = weight.detach().clone()
                weight.data.copy_(self.weights[name])
                self.weights[name] = previous


def scale_gradients(weights: Iterable[Tensor], by: float) -> None:
    """Multiplies all gradients: sums over tokens become means over all the tokens of a step."""
    for weight in weights:
        if weight.grad is not None:
            weight.grad.mul_(by)


def state_of(network: nn.Module, optimizers: Iterable[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """What optimizers remember of each weight, by its name: `encoder.0.weight/exp_avg`."""
    names: dict[Tensor, str] = {weight: name for name, weight in network.named_parameters()}
    return {
        f"{names[weight]}/{key}": value
        for optimizer in optimizers
        for weight, state in optimizer.state.items()
        for key, value in state.items()
    }


def put_state(network: nn.Module, optimizers: Iterable[torch.optim.Optimizer], state: Mapping[str, Tensor]) -> None:
    """Has optimizers remember what `state_of` said."""
    weights = dict(network.named_parameters())
    optimizer_of = {
        weight: optimizer for optimizer in optimizers for group in optimizer.param_groups for weight in group["params"]
    }
    for key, value in state.items():
        name, _, part = key.rpartition("/")
        weight = weights[name]
        optimizer_of[weight].state[weight][part] = value.to(weight.device)
