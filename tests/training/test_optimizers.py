"""Muon for the matrices of layers, AdamW for all else: each weight has one, and resuming loses nothing."""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from heedful.api.train import run
from heedful.networks.build import encoder_decoder
from heedful.networks.settings import resolve
from heedful.schema import NetworkSettings, TrainSettings
from heedful.tasks.joins import allowed
from heedful.training.checkpoint import read_tensors
from heedful.training.muon import Muon, orthogonal, orthogonal_reduced
from heedful.training.optimizer import move, optimizers, set_rate
from heedful.training.progress import Quiet
from support.interrupted_training import Interruption, PowerCut, die
from support.letter_pairs import short_recipe
from support.sampling import sample
from support.tiny_networks import tiny

MUON: dict[str, Any] = {"train__optimizer": "muon", "train__steps": 9, "train__valid_every": 4}


@pytest.mark.parametrize("name", allowed("translate"))
def test_each_weight_is_moved_by_one_optimizer(name: str) -> None:
    """Muon takes every matrix of a layer, and nothing that is a row a token."""
    network = encoder_decoder(resolve(NetworkSettings(name=name, size="tiny", width=16)), 9, 8, shared=False)
    settings = TrainSettings(learning_rate=0.1, optimizer="muon", layer_decay=0.5, weight_decay=0.3)
    by_muon, by_adamw = optimizers(network, settings)
    names = {id(weight): name for name, weight in network.named_parameters()}
    moved = [
        [names[id(weight)] for group in optimizer.param_groups for weight in group["params"]]
        for optimizer in (by_muon, by_adamw)
    ]
    assert sorted(moved[0] + moved[1]) == sorted(names.values())
    assert {*moved[0]} == {
        name for name, weight in network.named_parameters() if ".layers.layers." in name and weight.dim() == 2
    }
    set_rate([by_muon, by_adamw], 0.02)
    shares = sorted((group["lr"] / 0.02 for group in by_muon.param_groups), reverse=True)
    assert shares == [0.5**depth for depth in range(1, len(shares) + 1)]
    assert all(group["weight_decay"] == 0.3 for group in by_muon.param_groups)


def test_a_step_of_muon_is_orthogonal_and_as_large_as_one_of_adamw() -> None:
    """Singular values near one, scaled so that an entry moves by some 0.2 of the rate; decay as AdamW has it."""
    torch.manual_seed(0)
    network = encoder_decoder(resolve(NetworkSettings(name="vaswani2017", size="tiny")), 9, 8, shared=False)
    moved, _ = optimizers(network, TrainSettings(learning_rate=0.01, optimizer="muon", weight_decay=0.5))
    weight = dict(network.named_parameters())["encoder.layers.layers.0.up.weight"]
    before, weight.grad = weight.detach().clone(), torch.randn_like(weight)
    moved.step()
    step = (before * (1 - 0.01 * 0.5) - weight.detach()) / 0.01
    assert step.square().mean().sqrt() == pytest.approx(0.2, rel=0.2)
    values = torch.linalg.svdvals(step / (0.2 * max(step.shape) ** 0.5))
    assert values.min() > 0.5 and values.max() < 1.3


@pytest.mark.parametrize("name", ["touvron2023", *sample(["gru", "vaswani2017"], 1)])
def test_resumed_is_uninterrupted_and_a_seed_decides_the_weights(name: str, tmp_path: Path) -> None:
    recipe = short_recipe(tmp_path / "files", tiny(name, dropout=0.2), **MUON)
    digests = []
    for folder in ("whole", "again", "broken"):
        fate = Interruption({(False, 3), (False, 6)} if folder == "broken" else set(), die)
        for _ in range(3):
            fate.is_stopped = False
            with suppress(PowerCut):
                run(recipe, tmp_path / folder, fate)
        digests.append(hashlib.sha256((tmp_path / folder / "model.safetensors").read_bytes()).hexdigest())
    assert len({*digests}) == 1
    plain = short_recipe(tmp_path / "files", tiny(name, dropout=0.2), **MUON | {"train__optimizer": "adamw"})
    run(plain, tmp_path / "plain", Quiet())
    before, after = (read_tensors(tmp_path / folder / "model.safetensors") for folder in ("plain", "whole"))
    assert any(not torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("shape", [(3, 5, 5), (2, 70, 80), (2, 5, 40), (1, 70, 300), (2, 40, 5)])
def test_singular_values_go_where_the_polynomial_takes_them(shape: tuple[int, int, int]) -> None:
    """In whatever form they are computed, which goes by the shape."""
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    left, values, right = torch.linalg.svd(matrices.double(), full_matrices=False)
    values = values / values.norm(dim=1, keepdim=True)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = left @ torch.diag_embed(values) @ right
    assert (orthogonal(matrices) - expected).abs().max() < 1e-4
    assert (orthogonal_reduced(matrices) - expected).abs().max() < 0.05


@pytest.mark.parametrize(("reduced", "stop"), [(True, None), (False, None), (False, torch.zeros(()))])
def test_steps_are_those_of_torch(reduced: bool, stop: torch.Tensor | None) -> None:
    torch.manual_seed(0)
    begin = [torch.randn(shape) / 4 for shape in ((8, 8), (8, 8), (8, 40), (40, 8))]
    ours, theirs = ([nn.Parameter(weight.clone()) for weight in begin] for _ in range(2))
    optimizers = (
        Muon([{"params": ours}], rate=0.01, decay=0.5, reduced=reduced),
        torch.optim.Muon(theirs, lr=0.01, weight_decay=0.5, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        for first, second in zip(ours, theirs, strict=True):
            first.grad = torch.randn_like(first)
            second.grad = first.grad.clone()
        move(optimizers, stop)
    for first, second, before in zip(ours, theirs, begin, strict=True):
        assert (first - second).norm() < 0.03 * (second - before).norm()
