"""Models that go on with texts or fill them, in onnxruntime: the loops in docs/export.md say what the commands say."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from conftest import SEED, sample
from console import heedful
from engines import asked, assert_close, blank, loop
from heedful.api import Model, export
from heedful.api.train import run
from heedful.tasks.complete.ask import beginning
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from shapes import recipe, written

WAYS = {
    "characters": {},
    "bpe": {"data__source_tokenizer": "bpe", "data__vocabulary": 270},
    "unigram": {"data__source_tokenizer": "unigram", "data__vocabulary": 283},
    "symbols": {"data__source_tokenizer": "symbols"},
}

GAPPED = ["[MASK]bc 123", "abc [MASK] 1", "[MASK] [MASK]", "x[MASK]", "[MASK]", "<s> [MASK]"]
TEXTS = ["abc", "gh 8", "", "a <s> b", "h", "zz"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return written(tmp_path_factory.mktemp("files"), SEED)


def learnt(files: dict[str, str], task: str, network: str, folder: Path, **changes: Any) -> Model:
    """A model of some steps, sure of something, and beside its run what it was written as."""
    settled = {"train__steps": 40, "train__learning_rate": 1e-2, "train__valid_every": 40}
    model = run(recipe(files, task, network, **settled | changes), folder / "run", Quiet())
    export(folder / "run", "onnx", folder / "out")
    return model


@pytest.mark.parametrize(("network", "way"), sample(product(allowed("complete"), WAYS), 2))
def test_onnx_goes_on_as_the_network_does(network: str, way: str, files: dict[str, str], tmp_path: Path) -> None:
    """Logits of any number of rows, which change places half-way; and answers to prompts of all lengths together."""
    model = learnt(files, "complete", network, tmp_path, **WAYS[way])
    goes_on(model, tmp_path / "out")
    trained, limit = model.trained[0], model.trained[0].limit or 12
    said = loop("complete")(str(tmp_path / "out"), TEXTS, None if trained.limit else 9)
    for text, found in zip(TEXTS, said, strict=True):
        most = min(limit - len(beginning(trained, text)) + 1, model.recipe.generate.max_length) if trained.limit else 9
        greedy = {"generate.sample": False, "generate.beam": 1, "generate.max_length": most}
        assert found == model.answer([text], greedy)[0][0].output


@torch.no_grad()
def goes_on(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, token by token."""
    trained, step = model.trained[0], InferenceSession(folder / "step.onnx")
    limit, luck = trained.limit or 12, torch.Generator().manual_seed(SEED)
    for rows in (1, 4):
        tokens = torch.randint(0, trained.tokenizer.size, (rows, limit), generator=luck)
        order, half, found = np.roll(np.arange(rows), 1), limit // 2, []
        state = blank(step, rows)
        for t in range(limit):
            if t == half:
                state, found = {name: part[order] for name, part in state.items()}, [one[order] for one in found]
            told = asked(step, state | {"tokens": tokens[:, t].numpy()})
            found.append(told["logits"])
            state |= {name.removeprefix("new."): part for name, part in told.items()}
        read = torch.cat([tokens[order, :half], tokens[:, half:]], 1)
        assert_close(np.stack(found, 1), trained.network.decoder.logits(trained.network(read)))


@pytest.mark.parametrize(("network", "way"), sample(product(allowed("fill"), WAYS), 2))
def test_onnx_fills_as_the_network_does(network: str, way: str, files: dict[str, str], tmp_path: Path) -> None:
    """Logits at every position beside any padding; and guesses for gaps at all places, by every kind of tokenizer."""
    model = learnt(files, "fill", network, tmp_path, **WAYS[way])
    fills(model, tmp_path / "out")
    answers_alike(model, tmp_path / "out", GAPPED)


@torch.no_grad()
def fills(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, at all that is no padding."""
    trained, session = model.trained[0], InferenceSession(folder / "model.onnx")
    for lengths in (torch.tensor([trained.limit or 12, 1, 5]), torch.tensor([3])):
        source = torch.randint(0, trained.network.vocabulary, (len(lengths), int(lengths.max())))
        [logits] = asked(session, {"source": source.numpy(), "lengths": lengths.numpy()}).values()
        real = torch.arange(source.size(1)) < lengths.unsqueeze(1)
        assert_close(logits[real.numpy()], trained.network.logits(trained.network(source, lengths))[real])


def answers_alike(model: Model, folder: Path, texts: list[str]) -> None:
    """Asserts that the loop of the docs gives the same guesses with the same probabilities."""
    for found, text in zip(loop("fill")(str(folder), texts, 3), texts, strict=True):
        answers = model.answer([text], {"generate.n_best": 3})[0]
        assert len(found) == text.count("[MASK]")
        for place, guesses in enumerate(found):
            assert [word or "▁" for word, _ in guesses] == [one.tokens[place] for one in answers]
            shares = [one.track.probabilities[place][0] for one in answers if one.track]
            assert [share for _, share in guesses] == pytest.approx(shares, abs=1e-5)


def test_the_commands_say_how(files: dict[str, str], tmp_path: Path) -> None:
    """What is written is checked, and told."""
    for task, name in (("complete", "step"), ("fill", "model")):
        run(recipe(files, task, "gru"), tmp_path / task, Quiet())
        told = heedful(f"export {task} --to onnx", tmp_path)
        assert told.code == 0 and "by onnxruntime and by the network" in told.out, told.err
        made = {path.name for path in (tmp_path / "exports" / f"{task}-onnx").iterdir()}
        assert made == {f"{name}.onnx", "export.json", "tokenizer.json"}
