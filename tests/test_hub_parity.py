"""Published weights against the library that published them: outputs, gradients, there and back, step by step."""

from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import published
from conftest import sample
from heedful import hub
from heedful.hub import files, layout
from heedful.hub.families import FAMILIES
from published import Case, case

OF_LARGEST = 1e-4
"""How far an output may be from theirs, as a share of the largest of them."""
SEEDS = range(20)

some_cases = pytest.mark.parametrize(
    ("family", "seed"), [one for name in published.FAMILIES for one in sample(product([name], SEEDS), 3)]
)


def assert_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], bound: float = OF_LARGEST) -> None:
    assert ours.keys() == theirs.keys()
    for name, other in theirs.items():
        assert ours[name].shape == other.shape and torch.isfinite(other).all()
        assert (ours[name] - other).abs().max() <= bound * other.abs().max(), name


@some_cases
def test_outputs_and_gradients_are_theirs(family: str, seed: int, tmp_path: Path) -> None:
    theirs = case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    network = hub.network(opened)
    ours, others = theirs.ours(network), theirs.theirs(theirs.model)
    assert_close(ours, others)
    for outputs in (ours, others):
        luck = torch.Generator().manual_seed(seed)
        sum((one * torch.randn(one.shape, generator=luck)).sum() for one in outputs.values()).backward()
    assert_gradients(opened, network, theirs, tmp_path / "gradients")


def assert_gradients(opened: hub.Published, network: torch.nn.Module, theirs: Case, folder: Path) -> None:
    """Theirs go the way that weights go: saved in their layout, and read by the table."""
    family = FAMILIES[opened.plan.family]
    buffers = {name for name, _ in theirs.model.named_buffers()}
    for weight in theirs.model.parameters():
        weight.data = torch.zeros_like(weight) if weight.grad is None else weight.grad
    theirs.save(folder)
    table = family.table(opened.plan)
    blank = {line.ours for line in table if isinstance(line, layout.Blank)}
    blank |= {line.ours[0] for line in table if isinstance(line, layout.Line) and line.theirs in buffers}
    expected, _ = layout.read(table, files.read_tensors(folder), family.aside, "gradients")
    largest = max(float(one.abs().max()) for one in expected.values())
    for name, weight in network.named_parameters():
        if name not in blank:
            found = torch.zeros_like(weight) if weight.grad is None else weight.grad
            assert (found - expected[name]).abs().max() <= 1e-4 * expected[name].abs().max() + 1e-5 * largest, name


@some_cases
def test_there_and_back_is_the_same(family: str, seed: int, tmp_path: Path) -> None:
    """The bytes of every tensor, every setting, and what their library computes of it; by way of a network too."""
    theirs = case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    hub.write(opened, tmp_path / "back")
    hub.write(hub.again(opened, hub.network(opened)), tmp_path / "through")
    before = load_file(tmp_path / "published" / "model.safetensors")
    config = type(theirs.model).config_class.from_pretrained(tmp_path / "published").to_dict()
    for folder in (tmp_path / "back", tmp_path / "through"):
        after = load_file(folder / "model.safetensors")
        assert after.keys() == before.keys()
        assert all(after[name].numpy().tobytes() == one.numpy().tobytes() for name, one in before.items())
        assert type(theirs.model).config_class.from_pretrained(folder).to_dict() == config
    assert hub.Plan.parse(opened.plan.plain()) == opened.plan
    pooled = {} if not hasattr(theirs.model, "pooler") else {"add_pooling_layer": theirs.model.pooler is not None}
    back = type(theirs.model).from_pretrained(tmp_path / "back", **pooled).eval()
    assert_close(theirs.theirs(back), theirs.theirs(theirs.model), 0.0)
