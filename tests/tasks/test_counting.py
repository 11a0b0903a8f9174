"""Counted pieces of texts beside a network: fitted as others fit them, the same alone, in any batch and engine."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge

import heedful
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.scores import read_scores
from heedful.api.train import run
from heedful.blocks.counts import SPREAD, Counts
from heedful.data.batch import Batch
from heedful.engines.onnx_files import write_graph
from heedful.errors import HeedfulError
from heedful.exporters.onnx import TRACED
from heedful.networks.joins import EncoderHead
from heedful.tasks.classify.counting import fit, likeliest_shares
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support.onnx_sessions import assert_close, run_session
from support.tiny_tasks import recipe as shaped
from support.tiny_tasks import write_data
from support.trained_models import first_trained

VOCABULARY, PAIRS, CLASSES = 30, 10_007, 3
ROWS = [(f"{colour} {thing}", thing) for colour in ("red", "green", "blue") for thing in ("apple", "car", "dog")] * 12


def texts(number: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Padded texts, none of which has a piece twice, their lengths, and a class that two of the pieces tell."""
    random = np.random.default_rng(seed)
    lengths = torch.from_numpy(random.integers(1, 9, number))
    tokens = torch.from_numpy(np.stack([random.permutation(VOCABULARY)[:8] for _ in range(number)]))
    tokens[torch.arange(8) >= lengths[:, None]] = 0
    return tokens, lengths, ((tokens == 3).any(1).long() + 2 * (tokens == 5).any(1).long()) % CLASSES


def table_of(tokens: torch.Tensor, lengths: torch.Tensor) -> np.ndarray:
    """How often each feature is in each text, counted one by one."""
    table = np.zeros((len(tokens), VOCABULARY + PAIRS))
    for row, (text, length) in enumerate(zip(tokens.tolist(), lengths.tolist(), strict=True)):
        for first in text[:length]:
            table[row, first] += 1
        for first, second in pairwise(text[:length]):
            table[row, VOCABULARY + (first * SPREAD + second) % PAIRS] = 1
    return table


def test_they_are_fitted_as_scikit_learn_fits_tf_idf_and_ridge_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heedful.tasks.classify.counting.STEPS", 200)
    tokens, lengths, labels = texts(300)
    counts = Counts(VOCABULARY, PAIRS, CLASSES)
    fit(counts, [Batch({"source": tokens, "lengths": lengths, "labels": labels})])
    table = table_of(tokens, lengths)
    twice = np.concatenate([np.ones(VOCABULARY), (table[:, VOCABULARY:] > 0).sum(0) > 1])
    there = twice * (table.sum(0) > 0)
    weigher: Any = TfidfTransformer().fit(table)
    theirs: Any = Ridge(solver="cholesky").fit(
        weigher.transform(table * there).toarray(), 2 * np.eye(CLASSES)[labels] - 1
    )
    others, sizes, _ = texts(50, seed=1)
    expected = theirs.predict(weigher.transform(table_of(others, sizes) * there).toarray())
    assert np.abs(counts.outputs(others, sizes).numpy() - expected).max() < 1e-4


def test_no_other_shares_make_the_classes_likelier() -> None:
    random = np.random.default_rng(0)
    logs = torch.from_numpy(random.normal(size=(200, CLASSES))).float().log_softmax(-1)
    labels = torch.from_numpy(random.integers(0, CLASSES, 200))
    outputs = torch.from_numpy(random.normal(size=(200, CLASSES))).float() + 2 * torch.eye(CLASSES)[labels]

    def loss(shares: torch.Tensor) -> float:
        return float(torch.nn.functional.cross_entropy(shares[0] * logs + shares[1] * outputs, labels))

    best = likeliest_shares(logs, outputs, labels)
    assert best[0] < 0.3 and best[1] > 1
    for change in ([0.05, 0.0], [-0.05, 0.0], [0.0, 0.05], [0.0, -0.05]):
        assert loss(best) <= loss((best + torch.tensor(change)).clamp(min=0)) + 1e-6


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A classifier whose network has learnt for a step; all else is counted."""
    settings = {"network.counts": 64, "train.learning_rate": 1e-5}
    output = tmp_path_factory.mktemp("counted") / "run"
    return heedful.train("classify", ROWS, steps=1, network="gru", size="tiny", settings=settings, output=output)


def network_of(model: Model) -> EncoderHead:
    return first_trained(model).network


def test_what_is_counted_tells_classes_that_the_network_cannot_yet(counted: Model) -> None:
    named = [source for source, _ in ROWS[:9]]
    assert counted.predict(named) == [target for _, target in ROWS[:9]]
    network, counts = network_of(counted), network_of(counted).counts
    assert counts is not None and counts.shares[1] > 1
    [[_, (source, lengths)]] = first_trained(counted).preprocessor.stacks(named, 10_000, [None])
    logits = network.alone(torch.from_numpy(source), torch.from_numpy(lengths))
    assert logits.argmax(1).tolist() != [first_trained(counted).names.index(target) for _, target in ROWS[:9]]
    assert "pieces and pairs of pieces that are counted" in " ".join(read_scores(counted.folder)[0].notes)


def test_they_say_the_same_after_opening_alone_and_in_any_batch(counted: Model) -> None:
    named = ["red apple", "blue", "a red red car beside the green dog and the blue dog"]
    together = counted.predict_proba(named)
    alone = np.concatenate([load(counted.folder).predict_proba([text]) for text in named])
    assert np.abs(np.asarray(together) - alone).max() < 1e-6


@torch.no_grad()
def test_an_exported_graph_counts_too(counted: Model, tmp_path: Path) -> None:
    model = first_trained(counted)
    [graph] = find_task("classify").learning.graphs(model, TRACED)
    write_graph(graph, tmp_path)
    session = InferenceSession(tmp_path / "model.onnx")
    for lengths in ((5, 1, 8, 2), (3,)):
        [asks] = find_task("classify").learning.graphs(model, lengths)
        logits = run_session(session, {name: part.numpy() for name, part in asks.inputs.items()})["logits"]
        assert_close(logits, network_of(counted)(*asks.inputs.values()))


@torch.no_grad()
def test_what_is_explained_is_what_is_answered_and_pieces_that_count_get_their_part(
    counted: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network does not count, what a word adds is what it is counted for."""
    text = "red apple"
    trace = find_task("classify").learning.trace(first_trained(counted), text, None, counted.recipe.generate)
    [[_, (source, lengths)]] = first_trained(counted).preprocessor.stacks([text], 10_000, [None])
    asked = torch.from_numpy(source), torch.from_numpy(lengths)
    network, counts = network_of(counted), network_of(counted).counts
    assert trace.answer == "apple" == counted.predict([text])[0] and counts is not None
    assert_close(trace.run(1)[0].numpy(), network(*asked))
    assert_close(trace.outputs({0: trace.vectors()[0][None]})[0].numpy(), network(*asked))
    parts = counts.parts(*asked)[0]
    assert_close((parts.sum(0) + counts.bias).numpy(), counts.outputs(*asked)[0])
    monkeypatch.setattr(counts, "shares", torch.tensor([0.0, 1.0]))
    *explained, end = counted.explain(text, method="leave-one-out").maps[0].weights[0]
    apple = first_trained(counted).names.index("apple")
    assert np.allclose(explained, parts[:-1, apple], atol=1e-5) and end == 0  # which no text lacks


def test_pictures_are_not_counted(tmp_path: Path) -> None:
    files = write_data(tmp_path, 0)
    with pytest.raises(HeedfulError, match="counts pieces of texts; these sources are pictures"):
        run(shaped(files, "classify", "gru", network__counts=9), tmp_path / "run", Quiet())
