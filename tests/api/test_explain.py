"""What is shown of attention is what the network computed, by the library's own account of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import heedful
from heedful import recipe as recipes
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.results import Alignment
from heedful.training.progress import Quiet
from support import published
from support.families import oracle
from support.trained_models import first_trained


def heads(alignment: Alignment, side: str) -> torch.Tensor:
    """The maps (layers, heads, T, S) by their names."""
    layers = [[alignment.maps[f"{side}.{layer}.self_attention.head{head}"] for head in range(3)] for layer in range(2)]
    assert len(alignment.maps) == 6
    return torch.tensor(layers)


@torch.inference_mode()
def test_what_goes_on_looked_at_what_theirs_did(tmp_path: Path) -> None:
    """A given continuation and the model's own, each token of which looked at all before it."""
    model = heedful.load(published.gpt2(tmp_path / "gpt2"))
    reference_model = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "gpt2", attn_implementation="eager").eval()
    tokenizer = first_trained(model).tokenizer
    numbers = {tokenizer.display(number): number for number in range(tokenizer.size)}
    for continuation in (" stands near the river", None):
        alignment = model.align("The old house", continuation)
        assert alignment.source[:3] == ("The", "▁old", "▁house") and alignment.source[3:] == alignment.target[:-1]
        assert len(alignment.target) == (4 if continuation else 24)
        ids = torch.tensor([[numbers[token] for token in alignment.source]])
        maps = torch.cat(reference_model(ids, output_attentions=True).attentions)[:, :, 2:]
        assert torch.allclose(heads(alignment, "decoder"), maps, atol=1e-5)
    with pytest.raises(HeedfulError, match="the network reads 32 at once"):
        model.align("The old house" * 20, " stands")


@torch.inference_mode()
def test_gaps_looked_at_what_theirs_did(tmp_path: Path) -> None:
    model = heedful.load(published.bert(tmp_path / "bert"))
    reference_model = oracle.AutoModelForMaskedLM.from_pretrained(tmp_path / "bert", attn_implementation="eager").eval()
    words = oracle.AutoTokenizer.from_pretrained(tmp_path / "bert")
    text = "The [MASK] house stands near the [MASK]."
    inputs: Any = words(text, return_tensors="pt")
    positions = (inputs["input_ids"][0] == words.mask_token_id).nonzero()[:, 0]
    maps = torch.cat(reference_model(**inputs, output_attentions=True).attentions)[:, :, positions]
    for output in (None, "The old house stands near the river."):
        alignment = model.align(text, output)
        assert torch.allclose(heads(alignment, "encoder"), maps, atol=1e-5)
        assert [position for position, token in enumerate(alignment.source) if token == "[MASK]"] == positions.tolist()
        guesses = model.answer([text])[0][0].tokens if output is None else ("old", "river")
        assert alignment.target == guesses


def test_an_answer_that_fills_all_positions_is_explained(tmp_path: Path) -> None:
    """As long as a decoder can write, without an end: there is no position to read its last token at."""
    (tmp_path / "pairs.tsv").write_text("".join(f"{letter} x\t{letter} y {letter}\n" for letter in "abcdefgh"))
    settings = {"data.train": [str(tmp_path / "pairs.tsv")], "network.name": "vaswani2017", "network.size": "tiny"}
    settings |= {"network.positions": "learned", "network.context": 6, "train.steps": 1, "data.valid_rows": 2}
    model = run(recipes.build("translate", settings), tmp_path / "run", Quiet())
    short_answers = {"generate.beam": 1, "generate.max_length": 20}
    model = replace(model, recipe=recipes.change(model.recipe, short_answers))
    [[answer]] = model.answer(["a x"])
    alignment = model.align("a x")
    assert alignment.target == (*answer.tokens, *(["</s>"] if answer.complete else []))
    assert not answer.complete and len(alignment.target) == 6
