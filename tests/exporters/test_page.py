"""Networks in a page: its runtime says what torch says of the same weights, reads texts as our tokenizers do, and the
page answers in a browser from disk.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, expect
from tokenizers import normalizers
from torch import nn

from heedful.api.loading import load
from heedful.api.train import run
from heedful.blocks.pixels import Pixels
from heedful.blocks.recording import record
from heedful.data.tokenizers.learn import KINDS, learn
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.exporters import page
from heedful.exporters.package import Package
from heedful.exporters.page.asking import vocabulary_of
from heedful.exporters.page.describe import describe
from heedful.exporters.page.weights import blob_of, round_weights
from heedful.exporters.page.write import network_of
from heedful.networks.build import Spec, build
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.joins import EncoderDecoder, EncoderHead, LanguageModel, Network
from heedful.networks.settings import Join, allowed_rows, fit_pictures, resolve
from heedful.networks.sources import PictureSource, Source, TextSource
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support import tiny_tasks
from support.accessibility import barriers
from support.browser import open_page, start_browser
from support.letter_pairs import short_recipe
from support.node import ask_runtime
from support.sampling import SEED, sample
from support.tiny_networks import tiny

JOINS: tuple[Join, ...] = ("encoder_decoder", "decoder", "encoder_pooled")
VOCABULARY, CLASSES = 30, 5
SIDE = 12
PIXELS = Pixels(SIDE, (0.3, 0.4, 0.5), (0.2, 0.3, 0.25))

CASES: list[tuple[Join, str, str, str]] = [
    (join, name, size, source)
    for join, size in product(JOINS, ("tiny", "small"))
    for name in allowed_rows(join)
    for source in (("text", "picture") if join == "encoder_pooled" else ("text",))
]
OF_TRANSLATORS: list[tuple[str, dict[str, Any]]] = [
    (name, {key: value})
    for name, key, values in (
        ("luong2015", "attention", ("dot", "concat")),
        ("luong2015", "feeding", (False,)),
        ("luong2015", "cell", ("rnn", "gru")),
        ("bahdanau2015", "attention", ("dot", "general")),
        ("bahdanau2015", "cell", ("lstm",)),
        ("vaswani2017", "positions", ("learned", "rotary")),
        ("vaswani2017", "norm", ("pre",)),
        ("vaswani2017", "activation", ("gelu", "gelu_tanh", "quick_gelu", "silu")),
        ("cho2014", "decoder_depth", (2,)),
        ("gru", "tied", (True,)),
    )
    for value in values
]
COUNTED: tuple[Join, str, dict[str, Any]] = ("encoder_pooled", "gru", {"counts": 40})
VARIANTS = [COUNTED, *((JOINS[0], name, changes) for name, changes in OF_TRANSLATORS)]
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    " two  spaces, a tab\tand a\nnew line \r\n",
    "naïve façade, Ünïcödé; 漢字かな交じり文 İΣΑΣ",
    "<pad> </s> <0x0A> <s><unk> < pad > it's we'll 'tis 3.14",
    "▁ Ġ underscores, e\u0301 🏴\u200d☠\ufe0f \x85 \u2028 \ufeff \u00a0",
    "",
]


@torch.no_grad()
def stir(network: Network) -> None:
    """Makes every weight matter, and gives them the values that a page has."""
    for name, weight in network.named_parameters():
        if "bias" in name:
            weight.normal_(std=0.3)
        elif weight.dim() == 1:
            weight.add_(torch.randn_like(weight), alpha=0.2)
        elif not weight.any():
            nn.init.xavier_normal_(weight)
        elif any(part in name for part in ("table", "output.linear", "head.weight")):
            weight.normal_(std=0.5)
    for name, buffer in network.named_buffers():
        if "counts" in name:
            buffer.uniform_(0.1, 1)
    round_weights(network)


def question_of(
    join: Join, name: str, changes: dict[str, object], source_kind: str = "text"
) -> tuple[dict[str, Any], torch.Tensor, Network]:
    """A question for the runtime, the logits (T, V) that torch gives to it, and the network."""
    torch.manual_seed(0)
    extra = {"pool": "summary", "counts": 0} if join == "encoder_pooled" else {}
    settings = resolve(parse_settings(NetworkSettings, {"name": name, **changes}), join, extra=extra)
    source: Source = TextSource(VOCABULARY)
    if source_kind == "picture":
        settings = fit_pictures(parse_settings(NetworkSettings, vars(settings) | {"stem": 0, "patch": "auto"}), SIDE)
        source = PictureSource(PIXELS)
    outputs = CLASSES if join == "encoder_pooled" else VOCABULARY
    network = build(Spec(join, settings, () if join == "decoder" else (source,), outputs)).eval()
    stir(network)
    ids = torch.randint(4, VOCABULARY, (1, 9))
    read = torch.randint(0, 256, (1, SIDE, SIDE, 3), dtype=torch.uint8) if source_kind == "picture" else ids
    tokens = torch.randint(4, VOCABULARY, (1, 7))
    blob = blob_of(network)
    question = {"kind": "logits", "network": describe(network, settings), "weights": blob.text, "layout": blob.layout}
    given = {"source": read.flatten().tolist(), "tokens": tokens[0].tolist()}
    return question | given, logits_of(network, read, tokens), network


@torch.inference_mode()
def logits_of(network: Network, source: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """What torch says (T, V)."""
    embedding = network.sides()[0][0] if network.sides() else None
    positions = embedding.positions if isinstance(embedding, PictureEmbedding) else source.size(1)
    lengths = torch.tensor([positions])
    if isinstance(network, EncoderDecoder):
        return network.decoder.logits(network(source, lengths, tokens))[0]
    if isinstance(network, LanguageModel):
        return network.decoder.logits(network(tokens))[0]
    assert isinstance(network, EncoderHead)
    return network(source, lengths)


def test_logits_are_those_of_torch(tmp_path: Path) -> None:
    asked = [question_of(join, name, {"size": size}, kind) for join, name, size, kind in sample(CASES, 8)]
    asked += [question_of(join, name, {"size": "tiny", **changes}) for join, name, changes in sample(VARIANTS, 4)]
    answers = ask_runtime([question for question, *_ in asked], tmp_path)
    for (question, expected, _), answer in zip(asked, answers, strict=True):
        assert expected.std() > 0.3, "a network that says nothing proves nothing"
        assert (torch.tensor(answer) - expected).abs().max() < 1e-3, question["network"]


RECORDED: list[tuple[Join, str, str, str]] = [(JOINS[0], name, "tiny", "text") for name in allowed_rows(JOINS[0])]


def test_what_is_recorded_is_what_torch_records(tmp_path: Path) -> None:
    """Gates and attention weights, by the same names."""
    asked = [question_of(join, name, {"size": size}, kind) for join, name, size, kind in sample(RECORDED, 3)]
    answers = ask_runtime([question | {"kind": "notes"} for question, *_ in asked], tmp_path)
    for (question, _, network), answer in zip(asked, answers, strict=True):
        assert isinstance(network, EncoderDecoder)
        source, tokens = torch.tensor([question["source"]]), torch.tensor([question["tokens"]])
        with torch.inference_mode(), record(network) as maps:
            network(source, torch.tensor([source.size(1)]), tokens)
        recorded = {
            name: part for name, part in maps.concatenate().items() if not re.search(r"(states|cell)[01]$", name)
        }
        said = answer["reading"] | {
            name: [step[name][0] for step in answer["writing"]] for name in answer["writing"][0]
        }
        assert said.keys() == recorded.keys()
        for name, expected in recorded.items():
            close = zip(said[name], steps_of(name, expected[0]), strict=True)
            assert max(distance(theirs, ours) for theirs, ours in close) < 1e-3, name


def steps_of(name: str, recorded: torch.Tensor) -> list[torch.Tensor]:
    """Weights (H, T, S) and gates (T, D) step by step, as they are read: from behind, if they are."""
    if name.endswith("weights"):
        return list(recorded.transpose(0, 1))
    return list(recorded.flip(0) if name.endswith("1") else recorded)


def distance(theirs: list[Any], ours: torch.Tensor) -> float:
    """How far vectors are apart; ours may go on with zeros, where nobody looks ahead."""
    vectors = torch.tensor(theirs)
    rest = ours[..., vectors.shape[-1] :]
    return max(float((vectors - ours[..., : vectors.shape[-1]]).abs().max()), float(rest.abs().sum()))


def lowered(tokenizer: Tokenizer) -> Tokenizer:
    """The same, reading texts in lower case."""
    steps = [normalizers.Lowercase(), *([tokenizer.inner.normalizer] if tokenizer.inner.normalizer else [])]
    tokenizer.inner.normalizer = normalizers.Sequence(steps)  # pyright: ignore[reportAttributeAccessIssue]
    return tokenizer


def test_ids_are_those_of_our_tokenizers(tmp_path: Path) -> None:
    """Of each kind, on texts that it was learnt from and on others; ids come back as the same text, and look alike."""
    tokenizers = [learn(kind, TEXTS[:4] * 20, 320) for kind in KINDS]
    tokenizers += [lowered(learn(kind, TEXTS[:4] * 20, 320)) for kind in KINDS]
    texts = [*TEXTS, "".join(TEXTS), *(text[at:] for text in TEXTS for at in range(1, 12))]
    asked = [
        {"kind": "ids", "tokenizer": {"kind": one.kind, "file": vocabulary_of(one)}, "texts": texts}
        for one in tokenizers
    ]
    for tokenizer, answers in zip(tokenizers, ask_runtime(asked, tmp_path), strict=True):
        for text, answer in zip(texts, answers, strict=True):
            ids = tokenizer.encode(text)
            assert answer == [ids, tokenizer.decode(ids), tokenizer.tokens(ids)], (tokenizer.kind, text)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    """Runs of each task that a page has a place for; their weights say something."""
    folder = tmp_path_factory.mktemp("runs")
    files = tiny_tasks.write_data(folder, SEED)
    recipes = {
        name: short_recipe(folder / f"of {name}", tiny(name), train__steps=1)
        for name in ("bahdanau2015", "vaswani2017")
    }
    written = {"generate__max_length": 20, "generate__sample": False, "train__steps": 1}
    recipes["gpt"] = tiny_tasks.recipe(files, "complete", "gpt", **written)
    recipes["lstm"] = tiny_tasks.recipe(
        files, "complete", "lstm", **written, generate__beam=3, generate__no_repeat_ngram=2
    )
    recipes["caption"] = tiny_tasks.recipe(files, "caption", "bahdanau2015", train__steps=1, generate__max_length=6)
    recipes["vit"] = tiny_tasks.recipe(files, "classify", "vit", train__steps=1)
    packages: dict[str, Package] = {}
    for name, recipe in recipes.items():
        run(recipe, folder / name, Quiet())
        model = load(folder / name)
        packages[name] = Package(folder / name, model.recipe, model.learnable[0])
        torch.manual_seed(0)
        network: Any = packages[name].model.network
        stir(network)
    return packages


def with_model(package: Package, **changes: Any) -> Package:
    """The same with another model."""
    model: Any = package.model
    return replace(package, model=replace(model, **changes))


def ours(package: Package, inputs: list[str], **generate: Any) -> list[Any]:
    """The answers of our own search."""
    settings = replace(package.recipe.generate, **generate)
    answering = find_task(package.recipe.task).answering
    return [best[0] for best in answering.answer([package.model], inputs, settings)]


def test_answers_are_ours(packages: dict[str, Package], tmp_path: Path) -> None:
    """Found with a beam, with rules, and beyond what a network reads at once."""
    inputs = {name: ["a b c", "h", "c c a d b"] for name in ("bahdanau2015", "vaswani2017")}
    inputs |= {name: ["the ", "a red dog and a blue cat saw it"] for name in ("gpt", "lstm")}
    asked = [{"kind": "answers", **network_of(packages[name], name), "inputs": texts} for name, texts in inputs.items()]
    for (name, texts), answers in zip(inputs.items(), ask_runtime(asked, tmp_path), strict=True):
        expected = ours(packages[name], texts, long_prompt="end")
        assert [answer["text"] for answer in answers] == [answer.output for answer in expected], name
        assert [answer["score"] for answer in answers] == pytest.approx([answer.score for answer in expected], abs=1e-3)
        assert [answer["complete"] for answer in answers] == [answer.complete for answer in expected]


def noise(package: Package, folder: Path) -> Path:
    """A picture of the size that a model reads."""
    size = package.model.preprocessor.form.size  # pyright: ignore[reportAttributeAccessIssue]
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    path = folder / f"noise of {package.recipe.task}.png"
    Image.fromarray(pixels).save(path)
    return path


def test_pictures_are_answered_as_ours(packages: dict[str, Package], tmp_path: Path) -> None:
    """Classes with their probabilities, and a sentence."""
    named, told = packages["vit"], packages["caption"]
    paths = [noise(package, tmp_path) for package in (named, told)]
    asked = [
        {"kind": "answers", **network_of(package, ""), "inputs": [np.array(Image.open(path)).flatten().tolist()]}
        for package, path in zip((named, told), paths, strict=True)
    ]
    [[classes], [sentence]] = ask_runtime(asked, tmp_path)
    [answer], [expected] = (ours(package, [str(path)]) for package, path in zip((named, told), paths, strict=True))
    assert {one["name"]: one["probability"] for one in classes} == pytest.approx(
        dict(zip(answer.track.names, answer.track.probabilities[0], strict=True)), abs=1e-4
    )
    assert classes[0]["name"] == answer.output
    assert sentence["text"] == expected.output and abs(sentence["score"] - expected.score) < 1e-3


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("vaswani2017", {"prefix": "a"}, "knows no search with generate.prefix=a"),
        ("vaswani2017", {"finish": "sure"}, "knows no search with generate.finish=sure"),
        ("vit", {"stem": 1}, "has no convolutions"),
    ],
)
def test_what_cannot_go_into_a_page_is_refused_by_name(
    name: str, changes: dict[str, Any], expected: str, packages: dict[str, Package]
) -> None:
    package = packages[name]
    if "stem" in changes:
        settings = replace(package.model.settings, name="vaswani2017", positions="grid", **changes, patch=1)
        network = build(Spec("encoder_pooled", settings, (PictureSource(PIXELS),), CLASSES))
        package = with_model(package, network=network)
    else:
        package = replace(package, recipe=replace(package.recipe, generate=replace(package.recipe.generate, **changes)))
    with pytest.raises(HeedfulError, match=expected):
        page.refuse(package)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=60_000)
    with start_browser() as started:
        yield started


def test_networks_answer_in_a_page_from_disk(packages: dict[str, Package], browser: Browser, tmp_path: Path) -> None:
    """By keyboard, on a phone in the dark, without a complaint and without asking the network."""
    both = [packages["bahdanau2015"], packages["vaswani2017"]]
    page.write(both, tmp_path / "both.html")
    expected = [answer.output for package in both for answer in ours(package, ["c c a d b"])]
    with open_page(browser, tmp_path / "both.html", width=390, dark=True) as watched:
        opened, state = watched.page, watched.page.locator("#state")
        expect(state).to_have_text("Ready.")
        opened.keyboard.type("c c a d b")
        expect(state).to_have_text(re.compile("Answered"))
        assert opened.locator(".answer").all_inner_texts() == expected
        assert opened.locator(".network").nth(0).locator("h3").all_inner_texts()[:2] == ["Where it looked", "The beam"]
        for _ in range(3):
            opened.keyboard.press("Tab")
        opened.keyboard.press("Enter")
        expect(state).to_have_text(re.compile("Answered"))
        assert opened.evaluate("document.documentElement.scrollWidth") == 390
        assert barriers(opened) == []
        assert (watched.complaints, watched.requests) == ([], [])


def test_a_text_goes_on_in_a_page(packages: dict[str, Package], browser: Browser, tmp_path: Path) -> None:
    """At the button, by the greatest beam that is set."""
    both, prompt = [packages["gpt"], packages["lstm"]], "a red dog"
    page.write(both, tmp_path / "on.html")
    with open_page(browser, tmp_path / "on.html") as watched:
        opened, state = watched.page, watched.page.locator("#state")
        expect(state).to_have_text("Ready.")
        opened.keyboard.type(prompt)
        opened.get_by_label("Beam size").fill("2")
        opened.get_by_role("button", name="Answer").click()
        expect(state).to_have_text(re.compile("Answered"))
        expected = [prompt + answer.output for package in both for answer in ours(package, [prompt], beam=2)]
        assert opened.locator(".answer").all_text_contents() == expected
        assert (watched.complaints, watched.requests) == ([], [])


def test_a_picture_is_named_in_a_page(packages: dict[str, Package], browser: Browser, tmp_path: Path) -> None:
    """By the names of classes as they are, whatever these hold."""
    package = packages["vit"]
    path, names = noise(package, tmp_path), tuple(f"</script><img src=x onerror=alert({one})>" for one in range(4))
    package = with_model(package, names=names)
    page.write([package], tmp_path / "named.html")
    with open_page(browser, tmp_path / "named.html", width=390) as watched:
        state = watched.page.locator("#state")
        expect(state).to_have_text("Ready.")
        watched.page.get_by_label("A picture").set_input_files(path)
        expect(state).to_have_text(re.compile("Answered"))
        [answer] = ours(package, [str(path)])
        assert watched.page.locator(".answer").inner_text() == answer.output
        shown = {float(text.removesuffix(" %")) for text in watched.page.locator("td.n").all_inner_texts()}
        assert shown <= {round(100 * one) for one in answer.track.probabilities[0]}
        (tmp_path / "no.png").write_text("no picture", encoding="utf-8")
        watched.page.get_by_label("A picture").set_input_files(tmp_path / "no.png")
        expect(state).to_have_text("no.png is no picture that this browser can read.")
        assert (watched.complaints, watched.requests) == ([], [])
