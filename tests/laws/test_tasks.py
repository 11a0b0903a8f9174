"""The laws of answering and training, for every task beside translate and every network that can do it.

A neighbour never matters, saved = live, same seed = same weights, and it learns.
That resumed = uninterrupted is in test_resuming.py.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import heedful
from heedful.api.model import Model
from heedful.api.train import run
from heedful.recipe import tasks_of
from heedful.tasks.draw.code_ids import BEGIN, FIRST
from heedful.tasks.joins import allowed
from heedful.tasks.recipes import uses
from heedful.tasks.training_sources import batch_of
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Quiet
from support.letter_pairs import short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import sharpen, tiny
from support.tiny_tasks import CASES, COLUMN, TASKS, recipe, write_data
from support.trained_models import first_trained

CLOSE = 1e-5
SCORED = ("classify", "caption", "draw", "label", "complete", "fill")
"""Tasks whose answers' scores are log probabilities that can be asked for."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def trained(files: dict[str, str], folder: Path, task: str, network: str, **changes: Any) -> Model:
    """A tiny model after a few steps."""
    return run(recipe(files, task, network, **changes), folder, Quiet())


def sources_of(model: Model) -> list[str]:
    """What a model of these files can be asked with."""
    return [*model.prompts([example.source for example in model.read()])]


def best_answers(model: Model, sources: list[str], budget: int = 8000) -> list[tuple[str, float]]:
    """The best answer to each source, and its score; in batches of so many positions."""
    settings = {"generate.sample": False, "generate.batch_tokens": budget}
    return [(answers[0].output, answers[0].score) for answers in model.answer(sources, settings)]


def digest(model: Model) -> str:
    """The weights as one number."""
    parts = weights_of(first_trained(model).network)
    return hashlib.sha256(b"".join(parts[name].numpy().tobytes() for name in sorted(parts))).hexdigest()


some_cases = pytest.mark.parametrize(
    ("task", "network"), [case for task in TASKS for case in sample([pair for pair in CASES if pair[0] == task], 2)]
)


@some_cases
def test_a_neighbour_never_matters_and_saved_is_live(
    files: dict[str, str], task: str, network: str, tmp_path: Path
) -> None:
    model = trained(files, tmp_path / "run", task, network)
    sources = sources_of(model)
    together = best_answers(model, sources)
    for index in (0, len(sources) - 1):
        [(output, score)] = best_answers(model, [sources[index]])
        assert score == pytest.approx(together[index][1], abs=CLOSE * max(1.0, abs(score)))
        assert output == together[index][0]
    backwards, small_batches = best_answers(model, sources[::-1])[::-1], best_answers(model, sources, 40)
    assert [[output for output, _ in answers] for answers in (backwards, small_batches)] == [
        [output for output, _ in together]
    ] * 2
    if task in SCORED:
        # how a text goes on is scored without an end, all else with it; and many of its draws have none
        ends = task != "complete"
        settings = {"generate.sample": not ends, "generate.n_best": 1 if ends else 8}
        answers = [
            answer
            for answers_of_source in model.answer(sources, settings)
            for answer in answers_of_source
            if answer.complete == ends
        ]
        assert ends or answers
        pairs = [(answer.source, answer.output, answer.score) for answer in answers]
        scores = model.score([(source, output) for source, output, _ in pairs])
        assert scores == pytest.approx([score for *_, score in pairs], rel=CLOSE, abs=CLOSE)
    model.save(tmp_path / "saved")
    assert best_answers(heedful.load(tmp_path / "saved"), sources) == together


@some_cases
def test_same_seed_same_weights(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    """Whatever processes prepare the batches; and another seed gives others."""
    first, second = (trained(files, tmp_path / f"{n}", task, network, train__workers=n) for n in (0, 2))
    assert digest(first) == digest(second)
    assert digest(trained(files, tmp_path / "other", task, network, seed=1)) != digest(first)


DRAWING_CASES = [("translate", "bahdanau2015"), *sample([case for case in CASES if case[0] == "caption"], 1)]
DRAWING_CASES += [
    case for task in ("draw", "complete") for case in sample([pair for pair in CASES if pair[0] == task], 2)
]
LONG = 20
"""Tokens that a network of `complete` does not read at once."""


@pytest.mark.parametrize(("task", "network"), DRAWING_CASES)
def test_a_seed_and_a_source_decide_what_is_drawn(
    files: dict[str, str], task: str, network: str, tmp_path: Path
) -> None:
    """Alone, in any batch, at any place, asked for once or several times; another seed gives others."""
    if task == "translate":
        model = run(short_recipe(tmp_path / "files", tiny(network), train__steps=3), tmp_path / "run", Quiet())
    else:
        model = trained(files, tmp_path / "run", task, network)
    sources = sources_of(model)[:8]

    def sample_answers(prompts: list[str], **settings: Any) -> list[list[str]]:
        longest = {} if task == "draw" else {"max_length": LONG if task == "complete" else 8}
        # of 1,024 codes that are nearly alike the 64th and 65th lie within rounding once in some hundred runs
        few = {"top_k": 4} if task == "draw" else {}
        changes = {"sample": True, "seed": 7} | longest | few | settings
        answers_of_prompts = model.answer(prompts, {f"generate.{key}": value for key, value in changes.items()})
        return [[answer.output for answer in answers] for answers in answers_of_prompts]

    together = sample_answers(sources)
    assert [sample_answers([source])[0] for source in sources] == together
    assert sample_answers(sources[::-1])[::-1] == sample_answers(sources, batch_tokens=30) == together
    assert sample_answers([sources[0], sources[0]]) == [together[0]] * 2
    several = sample_answers(sources, n_best=3)
    assert all(output in outputs for [output], outputs in zip(together, several, strict=True))
    assert sum(len({*outputs}) > 1 for outputs in several) > len(several) / 2  # a likely one may be drawn three times
    assert sample_answers(sources, seed=8) != together and len({output for [output] in together}) > 1


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("network", sample(allowed("draw"), 3))
def test_guidance_leads_away_from_what_would_be_drawn_for_nothing(
    files: dict[str, str], network: str, guidance: float, tmp_path: Path
) -> None:
    """Each code is among the likeliest by Ho & Salimans' equation; scores are those of the network itself."""
    model = trained(files, tmp_path / "run", "draw", network, train__steps=2)
    artist, most = first_trained(model), {True: 4, False: 1}
    sharpen(artist.network.writer)
    for sample_it, likeliest in most.items():
        settings = {"sample": sample_it, "top_k": likeliest, "beam": 1, "guidance": guidance}
        for [answer] in model.answer(
            sources_of(model)[:6], {f"generate.{key}": value for key, value in settings.items()}
        ):
            codes = torch.tensor([[int(code) + FIRST for code in answer.output.split()]])
            unguided, blank = (forced(artist, text, codes) for text in (answer.source, ""))
            guided = (blank + guidance * (unguided - blank))[:, FIRST:]
            chosen = guided.gather(1, codes.T - FIRST)
            assert int((guided > chosen + 1e-3).sum(1).max()) < likeliest
            assert answer.score == pytest.approx(unguided.gather(1, codes.T).sum().item(), rel=1e-4)
            assert guidance == 1 or not torch.allclose(guided, unguided[:, FIRST:], atol=0.1)


@torch.no_grad()
def forced(artist: Any, text: str, codes: torch.Tensor) -> torch.Tensor:
    """The log probabilities of each code (S, V) after those before it, all at once."""
    inputs_of_network = batch_of(artist.preprocessor, artist.preprocessor.arrays([text]))
    inputs = torch.cat([torch.full((1, 1), BEGIN), codes[:, :-1]], dim=1)
    outputs = artist.network.eval()(inputs_of_network["source"], inputs_of_network["lengths"], inputs)
    return artist.network.writer.decoder.logits(outputs)[0].log_softmax(-1)


LEARNT_PLACES = ("bert", "vit", "clip")
"""Networks that have to find out first which steps are neighbours."""
LEARNT = {
    "classify": ("accuracy", 95),
    "caption": ("exact", 90),
    "match": ("recall_at_1", 90),
    "label": ("accuracy", 90),
    "complete": ("bits_per_character", 0.8),
    "fill": ("accuracy", 80),
}
"""What a network comes to on what it learnt from."""
BLIND = [("label", "frame"), ("fill", "frame")]
"""Who sees no neighbour cannot learn it."""


@pytest.mark.parametrize(
    ("task", "network"), sample([case for case in CASES if case[0] in LEARNT and case not in BLIND], 2)
)
def test_it_learns(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    """What it was shown; a network without order or neighbours too, since a mean of patches tells these apart."""
    steps = 1000 if network in ("rnn", "sutskever2014") else 400
    if network in LEARNT_PLACES:
        steps = {"label": 2000, "fill": 1000}.get(task, steps)
    settings: dict[str, object] = {
        "train__steps": steps,
        "train__valid_every": steps,
        "train__learning_rate": 2e-3 if network in ("rnn", "vaswani2017", *LEARNT_PLACES) else 5e-3,
        "train__average": 0.0,
        "network__width": 32,
        "network__dropout": 0.0,
    }
    if task in tasks_of("train.augment", uses()):
        settings["train__augment"] = []
    model = trained(files, tmp_path / "run", task, network, **settings)
    measure, least = LEARNT[task]
    column = COLUMN.get(task, "texts")
    value = model.evaluate(files[f"train-{column}"]).measures[measure]
    assert value.value >= least if value.higher_is_better else value.value <= least, value.value


def test_a_step_alone_cannot_tell_how_it_moves(files: dict[str, str], tmp_path: Path) -> None:
    """Where the networks that see neighbours learn it (above), the yardstick does not."""
    model = trained(files, tmp_path / "run", "label", "frame", train__steps=200, network__width=32)
    assert model.evaluate(files["train-steps"]).measures["accuracy"].value < 75


def test_a_causal_network_sees_nothing_ahead_and_windows_cover_all(files: dict[str, str], tmp_path: Path) -> None:
    model = trained(files, tmp_path / "run", "label", "vaswani2017", network__causal=True, data__window=8)
    labeller = first_trained(model)
    values = torch.randn(2, 9, 2)
    values[1, :5] = values[0, :5]
    logits = labeller.network.eval()(values, torch.tensor([9, 9]))
    assert torch.allclose(logits[0, :5], logits[1, :5], atol=1e-6) and not torch.allclose(logits[0, 5], logits[1, 5])
    long = max(sources_of(model), key=lambda source: len(Path(source).read_text().splitlines()))
    track = model.answer([long])[0][0].track
    assert track is not None and track.disagreement is not None
    covered = {step for low, high in track.windows for step in range(low, high)}
    assert covered == set(range(len(track.labels))) and all(high - low == 8 for low, high in track.windows)


def test_pictures_come_back_from_their_codes(files: dict[str, str], tmp_path: Path) -> None:
    """The codebook is learnt first, in a budget of its own, and kept with the model."""
    model = trained(files, tmp_path / "run", "draw", "gru", train__steps=300, train__codebook=0.9)
    artist = first_trained(model)
    prepared: Any = model.data()
    assert prepared is not None
    pixels = prepared.target.pixels(np.arange(prepared.target.size)).astype(float)
    back = artist.codec.decode(artist.codec.encode(pixels.astype(np.uint8))).astype(float)
    apart, plain = np.abs(back - pixels).mean(), np.abs(pixels - pixels.mean((0, 1, 2))).mean()
    assert apart < 0.7 * plain
    drawing = model.answer(["a red bar"])[0][0]
    assert drawing.picture.startswith(b"\x89PNG") and len(drawing.output.split()) == artist.network.codebook.positions
