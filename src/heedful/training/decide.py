"""What `auto` means in the recipe's train section."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from heedful.errors import HeedfulError
from heedful.networks.configs import TransformerConfig
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import Join
from heedful.networks.settings import resolve as resolve_network
from heedful.schema import NetworkSettings, Recipe, TrainSettings

MINUTES = 5.0  # the budget where none is given
TUNING = 0.1  # of the usual learning rate, from weights that exist: 3e-5 at width 768, as Devlin et al. 2019, A.3


def resolve(train: TrainSettings) -> TrainSettings:
    """The section with every `auto` decided for this machine, but for the learning rate, which goes by the network.

    Raises HeedfulError for a device that is not there.
    """
    device = pick_device() if train.device == "auto" else train.device
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise HeedfulError(
            f"There is no device {device} here.", "train.device may be auto, cpu, cuda or mps."
        ) from None
    budget = train.minutes or train.steps or train.epochs
    decided = {
        "minutes": train.minutes if budget else MINUTES,
        "batch_tokens": 2048,
        "schedule": "cosine",
        "warmup": 0.05,
        "average": 0.998,
        "precision": pick_precision(device),
        "threads": torch.get_num_threads(),  # the cores, or what OMP_NUM_THREADS says,
    }
    chosen = {key: value for key, value in decided.items() if getattr(train, key) in ("auto", None)}
    return replace(train, **(chosen | {"device": device}))


def batches(recipe: Recipe, tokens: int) -> Recipe:
    """The recipe with batches of so many tokens where it leaves that to the task."""
    if recipe.train.batch_tokens != "auto":
        return recipe
    return replace(recipe, train=replace(recipe.train, batch_tokens=tokens))


def pick_device() -> str:
    """The fastest device there is."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_precision(device: str) -> str:
    """bfloat16 where the hardware multiplies it faster than float32."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    processor = Path("/proc/cpuinfo")  # torch has no public question for it; where there is no such file: float32
    flags = processor.read_text().split() if device == "cpu" and processor.exists() else []
    return "bfloat16" if "amx_bf16" in flags or "avx512_bf16" in flags else "float32"


def portion(train: TrainSettings, share: float) -> TrainSettings:
    """The section with a share of its budget.

    >>> portion(Train(steps=10), 0.3).steps
    3
    """
    if train.steps is not None:
        return replace(train, steps=max(1, round(train.steps * share)))
    unit = "minutes" if train.minutes is not None else "epochs"
    return replace(train, **({unit: getattr(train, unit) * share}))


def resolve_recipe(recipe: Recipe, join: Join, default: str, own: Mapping[str, object] | None = None) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them.

    `join`, `default`, `own`: as `networks.settings.resolve` takes them. Raises HeedfulError as it does.
    """
    network = resolve_network(recipe.network, join, default=default, verb=recipe.task, own=own)
    train = recipe.train
    if train.learning_rate == "auto":
        rate = learning_rate(network) * (TUNING if recipe.start else 1)
        train = replace(train, learning_rate=round(rate, 7))
    return replace(recipe, network=network, train=train)


def learning_rate(network: NetworkSettings) -> float:
    """The peak rate that suited a resolved network in trials on cmudict (docs/log.md); wider ones bear less."""
    row = LINEAGE[network.name]
    at_256 = 1e-3 if isinstance(row.encoder or row.decoder, TransformerConfig) else 3e-3
    return round(at_256 * 256 / int(network.width), 6)
