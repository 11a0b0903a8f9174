"""Published networks are explained as those of the lineage are, each by the embedding that its family has."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import heedful
from heedful.errors import HeedfulError
from heedful.explain.methods import explain
from support import published
from support.sampling import sample
from support.trained_models import first_trained

TEXT, PICTURE = "The old house stands near the river", "picture"
CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "gpt2": (published.gpt2, TEXT, {"output": " bank"}),
    "qwen3": (published.qwen3, TEXT, {"output": " bank"}),
    "roberta": (published.roberta, "The <mask> house", {}),
    "classes of texts": (lambda folder: published.distilbert(folder, "ForSequenceClassification"), TEXT, {}),
    "labels of words": (lambda folder: published.bert(folder, "BertForTokenClassification"), TEXT, {}),
    "vit": (published.vit, PICTURE, {}),
    "clip": (published.clip, PICTURE, {"output": "a cat"}),
    "marian": (published.marian, TEXT, {}),
    "captioner": (published.captioner, PICTURE, {}),
}


@pytest.mark.parametrize("name", sample(CASES, 3))
def test_a_published_network_is_explained(name: str, tmp_path: Path) -> None:
    make, source, how = CASES[name]
    model = heedful.load(make(tmp_path / "model"))
    source = str(published.picture(tmp_path / "a.png", 1)) if source == PICTURE else source
    attention = model.explain(source, **how, faithfulness=False)
    assert attention.method == "attention" and any(".head" in map_.name for map_ in attention.maps)
    for method in ("rollout", "value-zeroing", "integrated-gradients", "leave-one-out"):
        explanation = model.explain(source, **how, method=method, faithfulness=False)
        for map_ in explanation.maps:
            assert len(map_.weights) == len(explanation.units[map_.rows])
            assert {len(row) for row in map_.weights} == {len(explanation.units[map_.columns])}
    with pytest.raises(HeedfulError, match="it is not recurrent"):
        model.explain(source, **how, method="gates")


def test_a_text_is_held_against_another_for_a_picture(tmp_path: Path) -> None:
    """Of a model that keeps no texts: both are named; the picture's patches add to the one and not the other."""
    model = heedful.load(published.clip(tmp_path / "clip"))
    picture = published.picture(tmp_path / "a.png", 1)
    with pytest.raises(HeedfulError, match="keeps no texts"):
        model.explain(picture)
    explanation = model.explain(picture, "a cat", instead="a dog", faithfulness=False)
    assert (explanation.answer, explanation.instead, explanation.method) == ("a cat", "a dog", "integrated-gradients")
    assert explanation.units["read.0"].grid == (3, 3) and explanation.units["read.0"].picture


@torch.no_grad()
def test_a_word_and_a_patch_that_say_something_only_together(tmp_path: Path) -> None:
    """Similarity is a product of two vectors, so that what is together is a product of what each side loses."""
    model = heedful.load(published.clip(tmp_path / "clip"))
    trace = model.trace(str(published.picture(tmp_path / "a.png", 1)), "a cat")
    *alone, together = explain("match", trace, "leave-one-out", faithfulness=False).maps
    assert (together.rows, together.columns) == ("read.1", "read.0") and len(alone) == 2
    network, vectors = first_trained(model).network, trace.vectors()

    def embedded(side: int, unit: int | None) -> torch.Tensor:
        changed = vectors[side].clone()
        if unit is not None:
            changed[unit] = trace.readings[side].baseline[unit]
        encoder, lengths = network.encoder(side), torch.tensor([len(changed)])
        return F.normalize(network.projections[side](encoder(changed[None], lengths).summary), dim=-1)[0]

    for word, patch in ((1, 3), (2, 5), (0, 4)):
        lost = [embedded(side, None) - embedded(side, unit) for side, unit in ((0, patch), (1, word))]
        expected = float(network.scale.exp().clamp(max=100) * lost[0] @ lost[1])
        assert together.weights[word][patch] == pytest.approx(expected, abs=1e-3)
