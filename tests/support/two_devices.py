"""The processor and a second device: trainings and answers on both, compared in a process of their own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from heedful.api.loading import at_hand, load
from heedful.api.model import Model
from heedful.blocks.embedding import Tokens
from heedful.blocks.host import held_on_host
from heedful.errors import HeedfulError
from heedful.networks.encoders import RecurrentEncoder
from heedful.networks.joins import EncoderHead
from heedful.networks.subwords import FirstPieces
from heedful.schema import Recipe, TrainSettings
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.loop import Loop
from heedful.training.progress import Quiet
from heedful.training.work import Work
from support.letter_pairs import short_recipe
from support.sampling import SEED
from support.second_device import NAME, second_device, set_up, unwrap
from support.tiny_networks import tiny
from support.tiny_tasks import recipe

CODEBOOK = "codebook"
Case = tuple[str, str]
EXTRA_SETTINGS: dict[str, dict[str, Any]] = {
    "classify": {"train__mix": 1.0, "train__class_weights": "balanced"},
    "label": {"train__smooth_steps": 0.15, "train__class_weights": "balanced", "data__window": 8},
}
STEPS = 3  # fewer than a GPU may be behind


def compare_training(cases: list[Case], files: dict[str, str], folder: Path) -> None:
    """Trains each on both devices."""
    set_up()
    for case in cases:
        expected, actual = (first_gradients(case, files, folder, device) for device in ("cpu", NAME))
        largest = max(gradient.abs().max() for gradient in expected.values())
        assert actual.keys() == expected.keys() and largest > 0, case
        for name, gradient in expected.items():
            gap = (actual[name] - gradient).abs().max()
            assert gap <= 1e-4 * gradient.abs().max() + 1e-6 * largest, (case, name)


def first_gradients(case: Case, files: dict[str, str], folder: Path, device: str) -> dict[str, Tensor]:
    """Those that the optimizer is given in a first step; the host reads nothing meanwhile, and then all at once."""
    place = folder / f"{case} on {device}"
    place.mkdir()
    work, train = work_of(case, files, place)
    gradients = dict[str, Tensor]()

    def keep(*_: Any) -> None:
        values = {name: unwrap(weight.grad) for name, weight in work.network.named_parameters()}
        gradients.update({name: value.clone() for name, value in values.items() if value is not None})
        hook.remove()

    with second_device() as watch:
        loop = Loop(work, replace(train, device=device), SEED, place, Quiet())
        hook = loop.optimizers[0].register_step_pre_hook(keep)
        batches = loop.batches()
        watch.reads.clear()
        for _ in range(STEPS):
            loop.step(batches)
        assert not watch.reads, (case, watch.reads)
        loop.catch_up()
        assert len(watch.reads) == (device != "cpu"), (case, watch.reads)
    return gradients


def work_of(case: Case, files: dict[str, str], folder: Path) -> tuple[Work, TrainSettings]:
    """What a loop needs to learn a task, or the codebook of draw, the same each time."""
    task = "draw" if case[0] == CODEBOOK else case[0]
    learning: Any = find_task(task).learning
    model, prepared, settled = build((task, case[1]), files, folder)
    if case[0] == CODEBOOK:
        first = learning.first(model, prepared, settled)
        return first.work, first.train
    return learning.work(model, prepared, settled), settled.train


def build(case: Case, files: dict[str, str], folder: Path) -> tuple[Any, Any, Recipe]:
    """A model with fresh weights, its data and its recipe."""
    task, row = case
    learning: Any = find_task(task).learning
    settings = {"train__steps": 9, **EXTRA_SETTINGS.get(task, {})}
    if task == "translate":
        settled = short_recipe(folder / "letters", tiny(row), **settings)
    else:
        small = {"network__dropout": 0.0, "train__batch_tokens": 256}
        settled = recipe(files, task, row, **small | settings)
    settled = learning.resolve(settled)
    settled = replace(settled, train=decide.resolve(settled.train))
    prepared = learning.prepare(settled, folder, lambda text: None)
    settled = learning.resolve_for_data(settled, prepared)
    torch.manual_seed(0)
    return learning.build(settled, prepared), prepared, settled


def compare_pieces() -> None:
    """Words of several pieces, some with none behind them."""
    set_up()
    torch.manual_seed(0)
    network = FirstPieces(EncoderHead(Tokens(9, 8), RecurrentEncoder("gru", 8, 2, 0.0), 3, "each", 0.0), (1,), (2, 3))
    words, lengths = torch.tensor([[[5, 6, 0], [7, 0, 0]], [[4, 4, 4], [0, 0, 0]]]), torch.tensor([2, 1])
    with torch.no_grad(), second_device() as watch:
        expected = network(words, lengths)
        network.to(NAME)
        there = words.to(NAME), lengths.to(NAME)
        watch.reads.clear()
        with held_on_host(zip(there, (words, lengths), strict=True)):
            actual = network(*there)
        assert not watch.reads, watch.reads
    assert (unwrap(actual) - expected).abs().max() < 1e-5


def compare_answers(tasks: Mapping[str, str], files: dict[str, str], folder: Path) -> None:
    """Has networks of each task, with the rows that are named, do on both devices all that they can be asked."""
    set_up()
    for task, row in tasks.items():
        saved = save_untrained(task, row, files, folder / task)
        plain = load(saved, engine="torch")
        sources = [example.source for example in plain.read(plain.recipe.data.valid)][:5]
        expected = asked_for(plain, sources)
        with second_device():
            actual = asked_for(load(saved, device=NAME), sources)
            with pytest.raises(HeedfulError, match="the processor alone"):
                load(saved, device=NAME, engine="onnx")
            with pytest.raises(HeedfulError, match="no device cuda:77"):
                load(saved, device="cuda:77")
        assert [*actual] == [*expected]
        for what, numbers in expected.items():
            assert np.allclose(actual[what], numbers, rtol=1e-3, atol=1e-4), (task, row, what)


def asked_for(model: Model, sources: list[str]) -> dict[str, np.ndarray]:
    """The numbers of all answers, and the texts of the first, as numbers."""
    numbers = dict[str, Any]()
    if model.task == "match":
        answers = model.among(sources, ["a red bar", "a blue dot"])
        numbers["vectors"] = model.embed(sources).values
    else:
        prompts = model.prompts(sources)
        answers = model.answer(prompts, {"generate.n_best": 2} if model.task != "label" else None)
        where = {answer.device for best in answers for answer in best}
        assert where == {"cpu" if model.parts[0].device == "auto" else f"{NAME}:0"}, where
    numbers["scores"] = [answer.score for best in answers for answer in best]
    numbers["measures"] = [each.value for each in model.evaluate(model.recipe.data.valid).measures.values()]
    explained = model.explain(model.prompts(sources)[0])
    numbers["explanation"] = [value for found in explained.maps for row in found.weights for value in row]
    return numbers


def save_untrained(task: str, row: str, files: dict[str, str], folder: Path) -> Path:
    """A network with fresh weights, in a folder of its own."""
    folder.mkdir()
    model, _, settled = build((task, row), files, folder)
    at_hand(folder, settled, model).save(folder / "saved")
    return folder / "saved"
