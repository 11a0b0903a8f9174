"""Attention's arithmetic as it is handed out, against the same from the networks' weights alone, in numpy."""

import json
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch

from heedful.api.model import Model
from heedful.computations import Computation
from heedful.explain.attention import Layer
from heedful.explain.step_by_step import NUMBERS, fitting
from heedful.explanations import Explanation
from heedful.report.computed import computation_text, first_query
from heedful.report.explained import explanation_json
from support.sharp_letters import sharp_model
from support.trained_models import first_trained

SOURCE, ANSWER = "a b c d", "d c b a"


@pytest.fixture(scope="module")
def sharp(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """Sharp networks of letters, each made once."""
    return cache(lambda name, **settings: sharp_model(tmp_path_factory.mktemp(name), name, **settings))


def explained(model: Model) -> Explanation:
    return model.explain(SOURCE, ANSWER, method="step-by-step")


def numbers(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().double().numpy()


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def weights_of(explanation: Explanation, name: str) -> np.ndarray:
    return np.array(next(map_.weights for map_ in explanation.maps if map_.name == name))


def by_name(explanation: Explanation, name: str) -> Computation:
    return next(each for each in explanation.computations if each.name == name)


@pytest.mark.parametrize("name", ["bahdanau2015", "luong2015", "vaswani2017", "touvron2023", "mingru2024"])
def test_scores_lead_to_the_weights_and_weights_to_the_sums(name: str, sharp: Callable[..., Model]) -> None:
    """Of every head and query: by the readable twin's weights, and by the fused kernel's sums."""
    explanation = explained(sharp(name))
    assert explanation.computations and not explanation.faithfulness
    for computation in explanation.computations:
        for head in computation.heads:
            weights = weights_of(explanation, head.map)
            for row in range(len(weights)):
                assert np.allclose(computation.weights(head, row), weights[row], atol=1e-5)
            assert np.allclose(weights @ np.array(head.values), np.array(head.sums), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "score"), [("bahdanau2015", "additive"), ("luong2015", "general"), ("luong2015", "dot")]
)
def test_one_set_of_weights_is_computed_from_states(name: str, score: str, sharp: Callable[..., Model]) -> None:
    """Bahdanau asks with the state before a step, Luong with the state behind it."""
    model = sharp(name, attention=score)
    explanation, network = explained(model), first_trained(model).network
    [computation] = explanation.computations
    [head] = computation.heads
    trace = model.trace(SOURCE, ANSWER)
    decoder, attention = network.decoder, network.decoder.attention
    memory = network.encoder(trace.vectors()[0][None], torch.tensor([len(trace.vectors()[0])]))
    state, states = decoder.start(memory), []
    for token in [first_trained(model).target.special_tokens.begin, *trace.chosen[:-1].tolist()]:
        before = decoder.unpack(state)[-decoder.layers.parts]
        state = decoder(torch.tensor([[token]]), state)[1]
        states.append(before if name == "bahdanau2015" else decoder.unpack(state)[-decoder.layers.parts])
    s, h = numbers(torch.cat(states)), numbers(memory.vectors[0])
    if score == "additive":
        q = s @ numbers(attention.query.weight).T + numbers(attention.query.bias)
        k = h @ numbers(attention.memory.weight).T
        scores = np.tanh(q[:, None] + k[None]) @ numbers(attention.score.weight)[0]
    else:
        q, k = s, h @ numbers(attention.memory.weight).T if score == "general" else h
        scores = q @ k.T
    assert computation.score == score and (computation.rows, computation.columns) == ("answered", "read")
    assert np.allclose(head.queries, q, atol=1e-4) and np.allclose(head.keys, k, atol=1e-4)
    assert np.allclose(computation.scores(head, 2), scores[2], atol=1e-4)
    assert np.allclose(weights_of(explanation, head.map), softmax(scores), atol=1e-5)
    assert np.allclose(head.values, h, atol=1e-5) and np.allclose(head.sums, softmax(scores) @ h, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("side", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["vaswani2017", "touvron2023"])
def test_heads_are_computed_from_vectors(name: str, side: str, sharp: Callable[..., Model]) -> None:
    """The first layer's self-attention: sinusoids are added, or normed queries and keys rotated; decoders look back."""
    model = sharp(name)
    explanation, network, trace = explained(model), first_trained(model).network, model.trace(SOURCE, ANSWER)
    [vectors] = trace.vectors()
    if side == "decoder":
        begin = first_trained(model).target.special_tokens.begin
        vectors = network.decoder.tokens(torch.tensor([begin, *trace.chosen[:-1].tolist()]))
    block = getattr(network, side).layers.layers[0]
    attention, x = block.self_attention, numbers(vectors)
    places, modern = np.arange(len(x))[:, None], name == "touvron2023"

    def norm(values: np.ndarray, scales: torch.Tensor, epsilon: float) -> np.ndarray:
        return values / np.sqrt((values**2).mean(-1, keepdims=True) + epsilon) * numbers(scales)

    if modern:
        x = norm(x, block.self_norm.weight, block.self_norm.eps)
        assert not explanation.positions
    else:
        waves = places / 10_000 ** (np.arange(0, 16, 2) / 16)
        added = explanation.positions["read" if side == "encoder" else "decoded"]
        assert np.allclose(added.added, np.concatenate([np.sin(waves), np.cos(waves)], -1), atol=1e-5)
        x = np.array(added.vectors) + np.array(added.added)
    computation = by_name(explanation, f"{side}.0.self_attention")
    assert computation.causal == (side == "decoder")
    for number, head in enumerate(computation.heads):
        part = slice(8 * number, 8 * number + 8)
        q, k, v = (
            x @ numbers(layer.weight[part]).T + (0 if layer.bias is None else numbers(layer.bias[part]))
            for layer in (attention.query, attention.key, attention.value)
        )
        assert np.allclose(head.queries, q, atol=1e-4) and np.allclose(head.keys, k, atol=1e-4)
        if modern:
            turns = np.exp(1j * places / 10_000 ** (np.arange(4) / 4))
            normed = (norm(each, layer.weight, layer.eps) for each, layer in
                      ((q, attention.query_norm), (k, attention.key_norm)))  # fmt: skip
            q, k = ((each[:, :4] + 1j * each[:, 4:]) * turns for each in normed)
        scores = np.real(q @ np.conj(k).T) / np.sqrt(8)
        later = np.triu(np.ones_like(scores, bool), 1) & computation.causal
        expected = softmax(np.where(later, -np.inf, scores))
        assert np.allclose(weights_of(explanation, head.map), expected, atol=1e-5)
        assert np.allclose(head.sums, expected @ v, atol=1e-4)
        assert [[computation.why_masked(row, column) for column in range(len(x))] for row in range(2)] == [
            ["later" if hidden else "" for hidden in row] for row in later[:2]
        ]


def test_what_is_altered_and_what_is_left_out_is_said(sharp: Callable[..., Model]) -> None:
    model = sharp("vaswani2017")
    with model.altered(attend="uniform=memory"):
        altered = explained(model)
    assert [note.partition(" was altered")[0] for note in altered.notes] == ["decoder.0.memory", "decoder.1.memory"]

    weights = torch.zeros(4, 3, 3)
    layers = [
        Layer(f"{side}.{depth}.self_attention", weights, None) for side in ("encoder", "decoder") for depth in range(3)
    ]
    assert fitting(layers, [NUMBERS // 6] * 6) == (layers, None, [])
    kept, heads, [note] = fitting(layers, [NUMBERS // 4] * 6)
    assert (kept, heads) == ([layers[1], layers[2], layers[4], layers[5]], None) and "the last 2 of 3 layers" in note
    kept, heads, [note] = fitting(layers, [NUMBERS] * 6)
    assert (kept, heads) == ([layers[2], layers[5]], 2) and "the last of 3 layers and the first 2 of 4 heads" in note


def test_a_terminal_has_one_query_and_json_has_all(sharp: Callable[..., Model]) -> None:
    explanation = explained(sharp("vaswani2017"))
    lines = computation_text(explanation).splitlines()
    assert lines[0] == "step-by-step: a b c d → d c b a" and "11 more" in lines[2]
    assert lines[4].split() == ["q·k", "÷", "2.828", "weight"]
    computation, head, row = first_query(explanation)
    names = explanation.units["answered"].names
    assert lines[2].startswith(f"{head.map}: {names[row]} asks")
    scores, weights = computation.scores(head, row), computation.weights(head, row)
    for line, score, weight in zip(lines[5:], scores, weights, strict=True):
        shown = [float(each.replace("−", "-")) for each in line.split()[1:4]]
        assert shown == pytest.approx([score, score / 8**0.5, weight], abs=0.0051)
    plain = json.loads(explanation_json(explanation))
    assert len(plain["computations"]) == 6 and plain["positions"]["read"]["kind"] == "sinusoidal"
    assert np.allclose(plain["computations"][0]["heads"][0]["keys"], computation.heads[0].keys)
