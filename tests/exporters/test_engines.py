"""Models in other engines: they answer as the network does, and the loops in docs/export.md are all that it takes.

N sources   S source positions   T target positions
"""

import io
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ctranslate2 import Translator
from onnxruntime import InferenceSession
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from heedful.api.export import export
from heedful.api.model import Model
from heedful.api.train import run
from heedful.blocks.embedding import Tokens
from heedful.blocks.pixels import Pixels
from heedful.data.pictures.read import Form, read_pictures
from heedful.data.steps.forms import StepForm, open_steps
from heedful.data.steps.words import WordVocabulary
from heedful.engines import ct2
from heedful.engines.onnx_files import write_graph
from heedful.engines.onnx_graphs import writer_graphs
from heedful.exporters.onnx import TRACED
from heedful.networks.settings import fit_frames
from heedful.schema import NetworkSettings
from heedful.tasks.joins import resolve
from heedful.tasks.label import learn as labels
from heedful.tasks.match.matcher import embed_pictures
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support.command_line import heedful
from support.letter_pairs import recipe, reverse, words
from support.onnx_sessions import assert_close, loop, run_session
from support.sampling import SEED, sample
from support.tiny_networks import (
    BEGIN,
    END,
    PAD,
    SOURCE_VOCABULARY,
    TARGET_VOCABULARY,
    batch,
    build,
    label,
    log_probabilities,
    rows,
    tiny,
    variants,
)
from support.tiny_tasks import CASES, write_data
from support.tiny_tasks import recipe as shaped
from support.trained_models import first_trained

DEPTHS = {"sutskever2014": 2}
shallow = [tiny(row.name, depth=DEPTHS.get(row.name, 1)) for row in rows()]


@pytest.mark.parametrize("network", [*sample(shallow, 2), *sample(variants(), 1)], ids=label)
@torch.no_grad()
def test_onnx_writes_as_the_network_does(network: NetworkSettings, tmp_path: Path) -> None:
    """Batches and lengths of any size, padding, and rows that change places half-way, as in a beam."""
    model, traced = build(network), batch((6, 4, 3), (1, 1, 1))
    for graph in writer_graphs(model, {"source": traced.source, "lengths": traced.source_lengths}, 0):
        write_graph(graph, tmp_path)
    encoder, step = (InferenceSession(tmp_path / f"{name}.onnx") for name in ("encoder", "step"))
    for lengths, steps in (((7, 3, 5, 1), 6), ((1,), 1), ((2, 11), 9)):
        data = batch(lengths, [steps] * len(lengths), seed=3)
        order, half = np.roll(np.arange(len(lengths)), 1), steps // 2
        state, logits_of_steps = (
            run_session(encoder, {"source": data.source.numpy(), "lengths": data.source_lengths.numpy()}),
            [],
        )
        for t in range(steps):
            if t == half:
                state = {name: part[order] for name, part in state.items()}
            outputs = run_session(step, state | {"tokens": data.target[:, t].numpy()})
            logits_of_steps.append(outputs["logits"])
            state |= {name.removeprefix("new."): part for name, part in outputs.items()}
        target = torch.cat([data.target[order, :half], data.target[:, half:]], 1)
        expected = model.decoder.logits(model(data.source[order], data.source_lengths[order], target))
        logits = np.stack(logits_of_steps, 1)
        assert_close(np.concatenate([logits[order, :half], logits[:, half:]], 1), expected)


AT_ONCE = ("classify", "match", "label")
cases = [case for task in AT_ONCE for case in sample([pair for pair in CASES if pair[0] == task], 1)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


@pytest.mark.parametrize(("task", "network"), cases)
def test_onnx_answers_as_the_model_does(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    model = run(shaped(files, task, network), tmp_path / "run", Quiet())
    export(tmp_path / "run", "onnx", tmp_path / "out")
    sources, trained = [example.source for example in model.read()], first_trained(model)
    sessions = {path.stem: InferenceSession(path) for path in (tmp_path / "out").glob("*.onnx")}
    if task == "match":
        pixels = np.stack(list(read_pictures(sources, trained.pictures.form)))
        vectors = run_session(sessions["pictures"], {"source": pixels})["vectors"]
        assert_close(vectors, torch.from_numpy(embed_pictures(trained, sources, 4000)))
        return
    if task == "label":
        arrays = [trained.form.encode(open_steps(source, trained.form)) for source in sources]
        padded = np.zeros((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), arrays[0].dtype)
        for row, array in zip(padded, arrays, strict=True):
            row[: len(array)] = array
        lengths = np.array([len(array) for array in arrays])
        inputs = {"source": padded, "lengths": lengths}
    else:
        lengths, inputs = (
            np.ones(len(sources), int),
            {"source": np.stack(list(read_pictures(sources, trained.preprocessor.form)))},
        )
    logits = torch.from_numpy(run_session(sessions["model"], inputs)["logits"]).view(
        len(sources), -1, len(trained.names)
    )
    for answers, shares, length in zip(model.answer(sources), logits.softmax(-1), lengths, strict=True):
        assert answers[0].track
        assert_close(shares[:length].numpy(), torch.tensor(answers[0].track.probabilities))


@pytest.mark.parametrize(("task", "network"), sample([case for case in CASES if case[0] in ("caption", "draw")], 2))
def test_onnx_tells_and_draws_as_the_model_does(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    """The likeliest token each time."""
    model = run(shaped(files, task, network), tmp_path / "run", Quiet())
    export(tmp_path / "run", "onnx", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    sources, source_reading = (
        [example.source for example in model.read()],
        first_trained(model).preprocessor,
    )
    sessions = {path.stem: InferenceSession(path) for path in (tmp_path / "out").glob("*.onnx")}
    source, lengths = source_reading.stack(source_reading.arrays(sources))
    inputs = {"source": source, "lengths": lengths}
    state, tokens, tokens_of_steps = run_session(sessions["encoder"], inputs), np.full(len(sources), about["begin"]), []
    for _ in range(about["length"] if task == "draw" else about["slack"]):
        outputs = run_session(sessions["step"], state | {"tokens": tokens})
        outputs["logits"][:, about["never"]] = -np.inf
        tokens = outputs["logits"].argmax(-1)
        tokens_of_steps.append(tokens)
        state |= {name.removeprefix("new."): part for name, part in outputs.items()}
    greedy = {"generate.sample": False, "generate.beam": 1, "generate.guidance": 1.0}
    answers = [best for [best, *_] in model.answer(sources, greedy)]
    if task == "draw":
        codes = np.stack(tokens_of_steps, 1) - about["first"]
        assert [" ".join(map(str, row)) for row in codes.tolist()] == [answer.output for answer in answers]
        pictures = run_session(sessions["paint"], {"codes": codes})["pictures"].astype(int)
        ours = np.stack([np.asarray(Image.open(io.BytesIO(answer.picture))) for answer in answers])
        assert np.abs(pictures - ours.reshape(pictures.shape)).max() <= 1  # what lies between two levels goes to either
        return
    rows = [
        row[: row.index(about["end"])] if about["end"] in row else row for row in np.stack(tokens_of_steps, 1).tolist()
    ]
    assert [first_trained(model).target.decode(row) for row in rows] == [answer.output for answer in answers]


def labeller(kind: str) -> labels.LearnableLabeller:
    """A fresh network that labels frames or words."""
    settings = resolve(
        NetworkSettings(name="gru", size="tiny", width=16),
        "label",
        own={"causal": False, "patch": "auto", "stem": "auto"},
    )
    if kind == "words":
        form = StepForm("tokens", vocabulary=WordVocabulary(["a", "house"], ["a", "b", "c"]))
        return labels.build_labeller(settings, form, None, ("DET", "NOUN"), 0)
    picture = Form(8, "rgb")
    return labels.build_labeller(
        fit_frames(settings, 8), StepForm("frames", picture), Pixels(8, (0.5,) * 3, (0.2,) * 3), ("on", "off"), 0
    )


@pytest.mark.parametrize("kind", ["frames", "words"])
@torch.no_grad()
def test_onnx_reads_frames_and_words(kind: str, tmp_path: Path) -> None:
    model = labeller(kind)
    model.network.eval()
    [graph] = find_task("label").learning.graphs(model, TRACED)
    write_graph(graph, tmp_path)
    session = InferenceSession(tmp_path / "model.onnx")
    for lengths in ((5, 1, 8, 2), (3,)):
        [asks] = find_task("label").learning.graphs(model, lengths)
        logits = run_session(session, {name: part.numpy() for name, part in asks.inputs.items()})["logits"]
        assert_close(logits, model.network(*asks.inputs.values()))


PAIRS = [(word, reverse(word)) for word in words(300, 4, seed=2)]
ODD = ["a b", "h", "", "z", "a <s> b", "</s>", "c c c c c c c"]


def trained(folder: Path, network: NetworkSettings, steps: int, **changes: Any) -> Model:
    """A model that turns letters round, or nearly; answers may be as long as auto has it."""
    settled = {
        "train__steps": steps,
        "train__learning_rate": 5e-3,
        "train__batch_tokens": 500,
        "train__valid_every": steps,
    }
    settings_of_run = recipe(
        folder, network, PAIRS[:250], PAIRS[250:], generate__max_length="auto", **settled | changes
    )
    return run(settings_of_run, folder / "run", Quiet())


def own_tokenizer(path: Path) -> str:
    """A tokenizer.json whose ids are not ours: unknown is 2, and </s> is a word like others."""
    inner = Tokenizer(
        models.WordLevel({"</s>": 0, **{letter: n for n, letter in enumerate("abcdefgh", 3)}, "[UNK]": 2}, "[UNK]")
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.save(str(path))
    return str(path)


@pytest.mark.parametrize("name", sample(["bahdanau2015", "sutskever2014", "luong2015"], 1))
def test_the_loop_of_the_docs_translates_as_the_command_does(name: str, tmp_path: Path) -> None:
    """Short answers and those that only their limit ends, and texts of what was never seen."""
    network = resolve(NetworkSettings(name=name, size="tiny", width=32, dropout=0.0), "translate")
    trained(tmp_path, network, 60)
    exported = heedful("export run --to onnx", tmp_path)
    assert exported.code == 0 and "by onnxruntime and by the network" in exported.out, exported.err
    texts = [text for text in (*ODD, *(source for source, _ in PAIRS[250:])) if text.strip()]
    translated = heedful("translate run beam=1 n_best=1", tmp_path, "\n".join(texts) + "\n")
    assert translated.code == 0
    assert loop("translate")(str(tmp_path / "exports" / "run-onnx"), texts) == translated.out.splitlines()


@pytest.mark.parametrize("custom", sample([False, True], 1), ids=lambda custom: "own" if custom else "ours")
def test_a_transformer_answers_alike_in_every_engine(custom: bool, tmp_path: Path) -> None:
    """With our tokenizers and with ones whose ids are moved; greedy by both loops, and the beam by CTranslate2."""
    kind = {"positions": "learned", "norm": "pre", "depth": 1, "decoder_depth": 2} if custom else {}
    network = tiny("vaswani2017", width=32, **kind)
    side = own_tokenizer(tmp_path / "own.json") if custom else "auto"
    changes = {"data__source_tokenizer": side, "data__target_tokenizer": side}
    model = trained(tmp_path, network, 300, **changes)
    for to in ("onnx", "ct2"):
        export(tmp_path / "run", to, tmp_path / to)
    texts = [source for source, _ in PAIRS[250:]]
    greedy = model.predict(texts, beam=1)
    assert sum(output == target for output, (_, target) in zip(greedy, PAIRS[250:], strict=True)) > 25
    assert loop("translate")(str(tmp_path / "onnx"), texts) == greedy
    translate = loop("translate", "ctranslate2")
    assert translate(str(tmp_path / "ct2"), texts, 1) == greedy
    rules = {"finish": "full", "renormalize": True, "max_length": 256}  # as docs/export.md tells
    assert translate(str(tmp_path / "ct2"), texts, 4) == model.predict(texts, beam=4, **rules)


TRANSFORMERS = [
    *product(("vaswani2017",), ("pre", "post"), ("sinusoidal", "learned"), (False, True), ("relu",)),
    *product(("vaswani2017", "touvron2023"), ("pre", "post"), ("rotary",), (True,), ("silu",)),
    *(
        ("vaswani2017", "pre", "sinusoidal", False, activation)
        for activation in ("gelu", "gelu_tanh", "quick_gelu", "silu")
    ),
]


@pytest.mark.parametrize(("name", "norm", "positions", "tied", "activation"), TRANSFORMERS)
def test_ctranslate2_scores_as_every_transformer_does(
    name: str, norm: str, positions: str, tied: bool, activation: str, tmp_path: Path
) -> None:
    """Also where embeddings are scaled."""
    kind = {"norm": norm, "positions": positions, "tied": tied, "activation": activation}
    model = build(tiny(name, **kind, decoder_depth=1))
    for part in model.modules():
        if tied and isinstance(part, Tokens):
            part.scale = 4.0  # √16
    names = [f"{number}" for number in range(SOURCE_VOCABULARY)], [f"{number}" for number in range(TARGET_VOCABULARY)]
    ct2.write(model, names, ct2.Special(BEGIN, END, PAD), tmp_path)
    data = batch((6, 3, 5), (5, 5, 5))
    data.source[torch.arange(3), data.source_lengths - 1] = data.target[:, -1] = END
    with torch.no_grad():
        logits = model.decoder.logits(model(data.source, data.source_lengths, data.target))
    ended = zip(data.source.tolist(), data.source_lengths - 1, strict=True)
    sources = [[names[0][token] for token in row[:length]] for row, length in ended]
    targets = [[names[1][token] for token in row[1:-1]] for row in data.target.tolist()]
    results = Translator(str(tmp_path), compute_type="float32").score_batch(sources, targets)
    assert_close(np.array([result.log_probs for result in results]), log_probabilities(logits, data.target))
