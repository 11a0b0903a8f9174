"""What explanations say, against what was computed in another way: by hand, by captum, by networks that are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from heedful.api.model import Model
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.explain.faithfulness import judge
from heedful.explain.integrated import integrate
from heedful.explain.methods import explain
from heedful.explain.reach import gradients_of
from heedful.explain.target import target_of
from heedful.explanations import Units
from heedful.networks.settings import resolve
from heedful.schema import NetworkSettings
from heedful.tasks.trace import Reading, Trace
from heedful.training.progress import Quiet
from support.letter_pairs import recipe, reverse, words
from support.sampling import sample
from support.sharp_letters import sharp_model
from support.trained_models import first_trained


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A sharp Transformer of letters."""
    return sharp_model(tmp_path_factory.mktemp("letters"), "vaswani2017")


@torch.no_grad()
def test_attention_is_a_softmax_of_products(model: Model) -> None:
    """The first layer of the encoder from its weights alone, in float64; every head has the name of its place."""
    trace = model.trace("a b c d", "d c b a")
    explanation = explain("translate", trace, "attention", faithfulness=False)
    network = first_trained(model).network
    [vectors] = trace.vectors()
    block = network.encoder.layers.layers[0]
    x = network.encoder.positions(vectors[None], torch.arange(len(vectors))[None])[0].double()
    for head in range(2):
        part = slice(8 * head, 8 * head + 8)
        query, key = (
            x @ layer.weight[part].double().T + layer.bias[part].double()
            for layer in (block.self_attention.query, block.self_attention.key)
        )
        expected = (query @ key.T / np.sqrt(8)).softmax(-1).float()
        [map_] = [each for each in explanation.maps if each.name == f"encoder.0.self_attention.head{head}"]
        assert (map_.rows, map_.columns) == ("read", "read")
        assert torch.allclose(torch.tensor([[*row] for row in map_.weights]), expected, atol=1e-5)
    heads = [each for each in explanation.maps if each.name.startswith("decoder") and ".memory.head" in each.name]
    mean = np.mean([[[*row] for row in each.weights] for each in heads], axis=0)
    assert len(heads) == 4 and np.allclose([[*row] for row in explanation.maps[0].weights], mean)


def test_integrated_gradients_are_captum_s(model: Model) -> None:
    trace = model.trace("a b c d", "d c b a")
    target, [vectors] = target_of(trace), trace.vectors()
    ours = integrate(trace, target, [vectors], 24)[0]
    for place, step in enumerate(target.steps):
        number = int(target.chosen[place])

        def logit(inputs: Tensor, step: int = step, number: int = number) -> Tensor:
            return trace.head(trace.outputs({0: inputs}))[:, step, number]

        theirs = IntegratedGradients(logit).attribute(
            vectors[None], trace.readings[0].baseline[None], n_steps=24, method="gausslegendre"
        )
        assert torch.allclose(theirs.sum(-1)[0].float(), ours[place], atol=1e-4)


def test_who_asks_without_gradients_is_answered_alike(model: Model) -> None:
    with torch.inference_mode():
        without = model.explain("a b c d", "d c b a", method="integrated-gradients", faithfulness=False)
    assert without == model.explain("a b c d", "d c b a", method="integrated-gradients", faithfulness=False)


def test_leave_one_out_is_a_loop_over_units(model: Model) -> None:
    """By an embedding that is changed by hand; </s> says nothing, and nothing is lost with it."""
    trace = model.trace("a b c d", "d c b a")
    [map_] = explain("translate", trace, "leave-one-out", faithfulness=False).maps
    network, [vectors] = first_trained(model).network, trace.vectors()
    special = first_trained(model).target.special_tokens
    inputs = torch.tensor([[special.begin, *trace.chosen[:-1].tolist()]])
    lengths = torch.tensor([len(vectors)])

    @torch.no_grad()
    def logits(source: Tensor) -> Tensor:
        state = network.decoder.start(network.encoder(source[None], lengths))
        return network.decoder.logits(network.decoder(inputs, state)[0])[0]

    whole = logits(vectors)
    for unit in range(len(vectors)):
        changed = vectors.clone()
        changed[unit] = trace.readings[0].baseline[unit]
        lost = whole - logits(changed)
        for step, number in enumerate(trace.chosen.tolist()):
            assert map_.weights[step][unit] == pytest.approx(float(lost[step, number]), abs=1e-4)
    assert all(abs(row[-1]) < 1e-4 for row in map_.weights)


def test_a_contrast_is_the_difference_of_two_logits(model: Model) -> None:
    trace = model.trace("a b c d", "d c b a")
    apart = [trace.find(letter)[0] for letter in "dh"]
    vectors = {0: trace.vectors()[0][None]}
    against = gradients_of(trace, target_of(trace, "h"), vectors)[0]
    plain = target_of(trace)
    other = gradients_of(trace, replace(plain, chosen=torch.full_like(plain.chosen, apart[1])), vectors)[0]
    own = gradients_of(trace, plain, vectors)[0]
    assert torch.allclose(against[0], own[0] - other[0], atol=1e-5)
    assert target_of(trace, "d c h a").steps == (2,)  # the first in which they differ
    with pytest.raises(HeedfulError, match="is what was answered"):
        target_of(trace, "d c b a")
    with pytest.raises(HeedfulError, match="attention holds no answer against another"):
        explain("translate", trace, "attention", "h")


class Weighted(nn.Module):
    """A network whose logit is a sum of its units, each with a weight of its own."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.embedding, self.weights = nn.Identity(), weights

    def forward(self, x: Tensor) -> Tensor:
        logit = (self.embedding(x)[..., 0] * self.weights).sum(-1)
        return torch.stack([logit, -logit], dim=-1).unsqueeze(1)


def test_faithful_is_what_names_the_units_that_count() -> None:
    """Of a network that is known, its own weights are far ahead of chance, and their opposite is far behind it."""
    weights = torch.linspace(-1, 1, 12)
    network, units = Weighted(weights), Units("words", tuple("abcdefghijkl"))
    reading = Reading(units, network.embedding, torch.zeros(12, 1), network)
    example = torch.ones(1, 12, 1)
    trace = Trace(network, "q", "yes", (reading,), Units("words", ("yes",)), torch.tensor([0]),
                  lambda number: network(example.expand(number, -1, -1)), lambda text: [1], str)  # fmt: skip
    amounts = weights[None].numpy()
    good, bad = (judge(trace, target_of(trace), sign * amounts, 0) for sign in (1, -1))
    assert good is not None and bad is not None
    assert good.gain.low > 0.2 and bad.gain.high < -0.2
    assert good.deletion["map"].value == pytest.approx(good.deletion["leave-one-out"].value)
    whole = torch.sigmoid(torch.tensor(0.0)).item()
    assert good.deletion["map"].curve[0] == pytest.approx(whole) == pytest.approx(good.insertion["map"].curve[-1])
    explanation = explain("classify", trace, "integrated-gradients", faithfulness=False)
    assert np.allclose(explanation.maps[0].weights[0], weights, atol=1e-5)


@pytest.mark.parametrize(("name", "rate"), sample([("bahdanau2015", 1e-2), ("luong2015", 5e-3)], 1))
def test_who_reverses_looks_along_the_other_diagonal(name: str, rate: float, tmp_path: Path) -> None:
    """The largest weight lies within one position of the letter that is written, at 90 of 100 steps."""
    letters = words(800, 9, seed=3)
    pairs = [(word, reverse(word)) for word in letters]
    settings = resolve(NetworkSettings(name=name, size="tiny", dropout=0.0))
    changes = {"train__steps": 400, "train__learning_rate": rate, "train__warmup": 0.2, "train__batch_tokens": 500}
    changes |= {"train__average": 0.0, "train__label_smoothing": 0.0, "train__valid_every": 400}
    model = run(recipe(tmp_path, settings, pairs[:780], pairs[780:], **changes), tmp_path / "run", Quiet())
    near = [
        abs(int(np.argmax(row)) - (len(word.split()) - 1 - step)) <= 1
        for word, _ in pairs[780:]
        for step, row in enumerate(next(iter(model.align(word, reverse(word)).maps.values()))[: len(word.split())])
    ]
    assert np.mean(near) >= 0.9
