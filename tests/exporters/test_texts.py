"""Models that go on with texts or fill them, in onnxruntime: the loops in docs/export.md say what the commands say."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from heedful.api.export import export
from heedful.api.model import Model
from heedful.api.train import run
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from support.command_line import heedful
from support.onnx_sessions import loop
from support.onnx_texts import assert_continues, assert_fills, assert_same_answers
from support.sampling import SEED, sample
from support.tiny_tasks import recipe, write_data
from support.trained_models import first_trained

TOKENIZERS = {
    "characters": {},
    "bpe": {"data__source_tokenizer": "bpe", "data__vocabulary": 270},
    "unigram": {"data__source_tokenizer": "unigram", "data__vocabulary": 283},
    "symbols": {"data__source_tokenizer": "symbols"},
}

GAPPED = ["[MASK]bc 123", "abc [MASK] 1", "[MASK] [MASK]", "x[MASK]", "[MASK]", "<s> [MASK]"]
TEXTS = ["abc", "gh 8", "", "a <s> b", "h", "zz"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def learnt(files: dict[str, str], task: str, network: str, folder: Path, **changes: Any) -> Model:
    """A model of some steps, sure of something, and beside its run what it was written as."""
    settled = {"train__steps": 40, "train__learning_rate": 1e-2, "train__valid_every": 40}
    model = run(recipe(files, task, network, **settled | changes), folder / "run", Quiet())
    export(folder / "run", "onnx", folder / "out")
    return model


@pytest.mark.parametrize(("network", "tokenizer"), sample(product(allowed("complete"), TOKENIZERS), 1))
def test_onnx_goes_on_as_the_network_does(network: str, tokenizer: str, files: dict[str, str], tmp_path: Path) -> None:
    """Logits of any number of rows, which change places half-way; and answers to prompts of all lengths together."""
    model = learnt(files, "complete", network, tmp_path, **TOKENIZERS[tokenizer])
    assert_continues(model, tmp_path / "out")
    trained, limit = first_trained(model), first_trained(model).limit or 12
    outputs = loop("complete")(str(tmp_path / "out"), TEXTS, None if trained.limit else 9)
    for text, output in zip(TEXTS, outputs, strict=True):
        limit_of_answer = limit - len(trained.encode_prompt(text)) + 1
        most = min(limit_of_answer, model.recipe.generate.max_length) if trained.limit else 9
        greedy = {"generate.sample": False, "generate.beam": 1, "generate.max_length": most}
        assert output == model.answer([text], greedy)[0][0].output


@pytest.mark.parametrize(("network", "tokenizer"), sample(product(allowed("fill"), TOKENIZERS), 1))
def test_onnx_fills_as_the_network_does(network: str, tokenizer: str, files: dict[str, str], tmp_path: Path) -> None:
    """Logits at every position beside any padding; and guesses for gaps at all places, by every kind of tokenizer."""
    model = learnt(files, "fill", network, tmp_path, **TOKENIZERS[tokenizer])
    assert_fills(model, tmp_path / "out")
    assert_same_answers(model, tmp_path / "out", GAPPED)


def test_the_commands_say_how(files: dict[str, str], tmp_path: Path) -> None:
    """What is written is checked, and told."""
    for task, name in (("complete", "step"), ("fill", "model")):
        run(recipe(files, task, "gru"), tmp_path / task, Quiet())
        exported = heedful(f"export {task} --to onnx", tmp_path)
        assert exported.code == 0 and "by onnxruntime and by the network" in exported.out, exported.err
        names = {path.name for path in (tmp_path / "exports" / f"{task}-onnx").iterdir()}
        assert names == {f"{name}.onnx", "export.json", "tokenizer.json"}
