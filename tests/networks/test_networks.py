"""Laws of how networks are put together: parts that are chosen, weights that know how deep they are."""

import copy
import re
from collections import Counter
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention, Cache
from heedful.blocks.names import NormOrder
from heedful.blocks.pixels import Pixels
from heedful.blocks.transformer import Block, FeedForward, Norms
from heedful.networks.build import Spec, build
from heedful.networks.joins import Network
from heedful.networks.lineage import LINEAGE, SIZE
from heedful.networks.meta import meta_device
from heedful.networks.settings import DECODING, JOINS, Join, allowed_rows, fit_pictures, main_join, resolve
from heedful.networks.sources import PictureSource, Source, TextSource
from heedful.networks.weights import VOCABULARY, kept, tensors_at
from heedful.schema import NetworkSettings, parse_settings
from heedful.training.optimizer import rate_scales

WIDTH, HEADS = 16, 2
TASK_SETTINGS = {"pool": "summary", "causal": False, "patch": "auto", "stem": "auto"}
BASE = {"embedding", "embeddings", "tokens", "positions", "first_norm"}


def network(join: Join, name: str) -> Network:
    """A tiny network of a row."""
    base = NetworkSettings(name=name, size="tiny", width=WIDTH, depth=3)
    settings = fit_pictures(resolve(base, join, extra=TASK_SETTINGS), 12)
    picture: Source = PictureSource(Pixels(12, (0.5,) * 3, (0.5,) * 3))
    sources = (picture, TextSource(9)) if join == "two_encoders" else (TextSource(9) if join in DECODING else picture,)
    return build(Spec(join, settings, sources, outputs=9))


def steps_below_by_name(names: list[str]) -> dict[str, int]:
    """How many layers a weight is below the output, told from names alone: as version 0.1.0 did."""
    pattern = r"((?:.*\.)?(?:encoders\.\d+|encoder|decoder)\.layers)\.(?:layers\.)?(\d+)\."
    layers = {name: (match[1], int(match[2])) for name in names if (match := re.match(pattern, name))}
    heights: dict[str, int] = {}
    for side, number in layers.values():
        heights[side] = max(heights.get(side, 0), number + 1)
    lowest = 1 + max(heights.values(), default=0)
    base = {name: lowest if BASE & {*name.split(".")} else 0 for name in names}
    return base | {name: heights[side] - number for name, (side, number) in layers.items()}


@pytest.mark.parametrize(("join", "name"), [(join, name) for join in JOINS for name in allowed_rows(join)])
def test_each_weight_learns_at_the_rate_of_its_depth(join: Join, name: str) -> None:
    model = network(join, name)
    below = steps_below_by_name([name for name, _ in model.named_parameters()])
    assert {*below.values()} == {0, 1, 2, 3, 4}
    assert rate_scales(model, 0.5) == {name: 0.5**steps for name, steps in below.items()}


def test_the_table_of_weights_has_every_row_and_size_as_it_is_built() -> None:
    rows = {f"{name} {size}": (name, size) for name in LINEAGE for size in SIZE}
    assert kept().keys() == rows.keys()
    for name, size in rows.values():
        join = main_join(name)
        settings = resolve(parse_settings(NetworkSettings, {"name": name, "size": size}), join)
        sources = (TextSource(VOCABULARY),) if join == "encoder_decoder" else ()
        with meta_device():
            weights = list(build(Spec(join, settings, sources, VOCABULARY)).parameters())
        shapes: Counter[tuple[int, ...]] = Counter()
        for tensors in tensors_at(name, size):
            shapes[tensors.shape] += tensors.times
        assert shapes == Counter(tuple(weight.shape) for weight in weights), (name, size)
        assert sum(tensors.weights for tensors in tensors_at(name, size)) == sum(weight.numel() for weight in weights)


@dataclass(frozen=True, eq=False)
class Gated:
    """A gated inner part (Shazeer 2020, equation 5)."""

    up: nn.Linear
    gate: nn.Linear
    down: nn.Linear

    def layers(self) -> dict[str, nn.Module]:
        return {"up": self.up, "gate": self.gate, "down": self.down}

    def __call__(self, x: Tensor, dropout: nn.Module) -> Tensor:
        return self.down(dropout(nn.functional.silu(self.gate(x)) * self.up(x)))


def block(norm: type[nn.LayerNorm | nn.RMSNorm], order: NormOrder, gated: bool) -> Block:
    """A block of chosen parts."""
    up, gate, down = nn.Linear(WIDTH, 32), nn.Linear(WIDTH, 32), nn.Linear(32, WIDTH)
    inner = Gated(up, gate, down) if gated else FeedForward(up, down, "relu")
    slots = [Norms.of(norm(WIDTH), order) for _ in range(2)]
    return Block(Attention(WIDTH, HEADS), slots[0], inner, slots[1], dropout=0.0)


@pytest.mark.parametrize("order", ["pre", "post"])
@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize("gated", [False, True])
def test_a_block_takes_any_norm_and_any_inner_part(
    norm: type[nn.LayerNorm | nn.RMSNorm], order: NormOrder, gated: bool
) -> None:
    """All its weights are its own, learn, and are copied; step by step is all at once, as for any other block."""
    torch.manual_seed(0)
    ours, x = block(norm, order, gated), torch.randn(3, 5, WIDTH)
    names = {name.rpartition(".")[0] for name in ours.state_dict()}
    assert {"self_norm", "inner_norm", "up", "down"} | ({"gate"} if gated else set()) <= names
    outputs = ours(x, causal=True)
    outputs.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in ours.parameters() if weight.dim() > 1)
    keys, values = (torch.zeros(3, 5, HEADS, WIDTH // HEADS) for _ in range(2))
    steps = []
    for t in range(5):
        cache = Cache(keys, values, torch.full((3, 1), t))
        steps.append(ours(x[:, t : t + 1], mask=torch.arange(5).expand(3, 1, 5) <= t, cache=cache).detach())
    torch.testing.assert_close(torch.cat(steps, dim=1), outputs.detach(), rtol=1e-4, atol=1e-5)
    twin = copy.deepcopy(ours)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.mul_(1.5)
    torch.testing.assert_close(ours(x, causal=True), outputs)
    assert not torch.allclose(twin(x, causal=True), outputs)
