"""Weights that exist as a beginning: what fits is taken as it is, all else is told, and what is frozen stays."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from heedful import load
from heedful import recipe as recipes
from heedful.api.loading import at_hand
from heedful.api.model import Model
from heedful.api.pretrained import inherit, open_start
from heedful.api.train import run, set_up_run
from heedful.blocks.vision import PatchPositions
from heedful.errors import HeedfulError
from heedful.networks.build import build_encoder
from heedful.networks.joins import EncoderHead
from heedful.networks.parts import display_name
from heedful.recipe import declaration, keys, tasks_of, value_of
from heedful.schema import NetworkSettings, Recipe
from heedful.tasks import TASKS
from heedful.tasks.joins import resolve
from heedful.tasks.recipes import build, uses
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.checkpoint import read_tensors
from heedful.training.optimizer import adamw, set_rate
from heedful.training.progress import Quiet
from support.families import oracle
from support.interrupted_training import Interruption, PowerCut, die, training_artifacts
from support.published import LINES, MODELS, PATCH, bert, classes, save, vit_config, vit_pictures
from support.published import vit as published_vit
from support.sampling import SEED, sample
from support.tiny_tasks import CASES, COLUMN, recipe, write_data
from support.trained_models import first_trained


class NoteRecorder(Quiet):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def initial_model(request: Recipe, folder: Path) -> tuple[Model, list[str]]:
    """A model as it is before its first step, and what is said of it."""
    start = open_start(request.start)
    settled = find_task(request.task).learning.resolve(inherit(request, start))
    settled = replace(settled, train=decide.resolve(settled.train))
    ready = set_up_run(settled, start, folder, Quiet())
    return at_hand(folder, ready.recipe, ready.model), ready.start_lines


def recipe_from(files: dict[str, str], name: str, start: Path, network: str = "auto", **changes: Any) -> Recipe:
    """A recipe that begins with weights, and says nothing of the network."""
    changed = recipe(files, name, network, start=str(start), **changes)
    dropped = ["network.width", "network.size", "data.source_tokenizer", "data.window"]
    return recipes.change(changed, dict.fromkeys(dropped))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


@pytest.mark.parametrize(("name", "network"), sample(CASES, 6))
def test_what_fits_answers_as_before(name: str, network: str, files: dict[str, str], tmp_path: Path) -> None:
    """On the same data all tensors are taken, and every answer is the one of the start, to the last bit."""
    run(recipe(files, name, network), tmp_path / "start", Quiet())
    (tmp_path / "start" / "data").rename(tmp_path / "elsewhere")
    model, about = initial_model(recipe_from(files, name, tmp_path / "start"), tmp_path / "run")
    assert "all" in about[0] and "tensors taken" in about[0] and "new:" not in "".join(about)
    before = load(tmp_path / "start")
    sources = [example.source for example in model.read(files[f"valid-{COLUMN.get(name, 'texts')}"])]
    sources = list(model.prompts(sources[:4]))
    changes = {"generate.seed": 3} if name in ("draw", "complete") else {}
    assert model.answer(sources, changes) == before.answer(sources, changes)


def test_classes_keep_their_rows_in_whatever_order(files: dict[str, str], tmp_path: Path) -> None:
    """Published classes in an order of their own: each name gets its probability; other classes get a new head."""
    names = ["frame", "bar", "cross", "dot"]
    folder = tmp_path / "theirs"
    save(oracle.ViTForImageClassification(vit_config(**classes(names))), folder)
    vit_pictures(folder)
    model, about = initial_model(recipe_from(files, "classify", folder), tmp_path / "run")
    assert first_trained(model).names == tuple(sorted(names)) and about[0].startswith(
        f"from {folder} (classify): all 40"
    )
    sources = [f"{files['valid-labels']}#{row}" for row in range(3)]
    theirs = load(folder).answer(sources, {"generate.n_best": 4})
    for mine, other in zip(model.answer(sources, {"generate.n_best": 4}), theirs, strict=True):
        assert [answer.output for answer in mine] == [answer.output for answer in other]
        assert [answer.score for answer in mine] == pytest.approx([answer.score for answer in other], abs=1e-5)
    _, about = initial_model(recipe_from(files, "classify", published_vit(tmp_path / "three")), tmp_path / "other")
    assert about[1:] == [
        "  new: head.weight, head.bias (4 classes, 3 there)",
        "  left over there: head.weight, head.bias",
    ]
    _, about = initial_model(recipe_from(files, "classify", folder, network__pool="mean"), tmp_path / "mean")
    assert about[1] == "  new: head.weight, head.bias (read from the mean here, the first vector there)"


TRANSFERS = [
    ("match", "vaswani2017", "classify", "texts", ["40 of 42", "new: head.weight, head.bias (4 classes)"]),
    ("match", "clip", "caption", "texts", ["38 of 9", "encoders.0.first_norm.weight"]),
    ("classify", "vaswani2017", "match", "labels", ["40 of 76", "encoders.1 (32 tensors)"]),
    (
        "complete",
        "vaswani2017",
        "caption",
        "documents",
        ["34 of 94", "new: embedding (8 tensors), encoder (32 tensors)"],
    ),
    ("caption", "gru", "draw", "texts", ["texts here, pictures there", "another vocabulary"]),
]


@pytest.mark.parametrize(("first", "network", "then", "column", "expected_notes"), TRANSFERS)
def test_parts_go_from_task_to_task(
    first: str, network: str, then: str, column: str, expected_notes: list[str], files: dict[str, str], tmp_path: Path
) -> None:
    """What stands in the same place is the same tensor; the rest is told; and the same recipe goes on afterwards."""
    run(recipe(files, first, network), tmp_path / "start", Quiet())
    listener = NoteRecorder()
    request = recipe_from(files, then, tmp_path / "start", network if network != "clip" else "auto")
    model, _ = initial_model(request, tmp_path / "begun")
    before = first_trained(load(tmp_path / "start")).network
    if then == "classify":
        mine = first_trained(model).network
        pairs = [(mine.embedding, before.embeddings[0]), (mine.encoder, before.encoders[0])]
        for part, other in pairs:
            weights = zip(part.parameters(), other.parameters(), strict=True)
            assert all(torch.equal(weight, origin) for weight, origin in weights)
    run(request, tmp_path / "run", listener)
    assert all(any(line in note for note in listener.lines) for line in expected_notes), listener.lines
    start_facts = json.loads((tmp_path / "run" / "scores.json").read_text())["facts"]["start"]
    assert start_facts[0] in (tmp_path / "run" / "README.md").read_text().replace("\\", "")
    finished_recipe = recipes.load(tmp_path / "run" / "recipe.toml")
    (tmp_path / "run" / "scores.json").unlink()
    fate = Interruption(set(), die)
    run(finished_recipe, tmp_path / "run", fate)
    assert not fate.learning


def test_what_shares_nothing_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    run(recipe(files, "complete", "gpt"), tmp_path / "start", Quiet())
    with pytest.raises(HeedfulError, match="fit no part of this network"):
        run(recipe_from(files, "fill", tmp_path / "start"), tmp_path / "run", Quiet())
    assert not (tmp_path / "run").exists()
    with pytest.raises(HeedfulError, match=r"network\.width is 32, but the weights come from a network with 16"):
        wide = recipes.change(recipe_from(files, "complete", tmp_path / "start"), {"network.width": 32})
        run(wide, tmp_path / "run", Quiet())
    with pytest.raises(HeedfulError, match=r'no part "decoder.layer.0".\n  Did you mean "decoder.layers.0"'):
        run(
            recipe_from(files, "complete", tmp_path / "start", train__freeze=["decoder.layer.0"]),
            tmp_path / "run",
            Quiet(),
        )


def test_a_published_reader_begins_to_classify_and_to_label(tmp_path: Path) -> None:
    """BERT's own encoder reads as before, in its own layout, or with its second vector of texts folded into another."""
    texts, steps = tmp_path / "texts.tsv", tmp_path / "steps.conll"
    texts.write_text("".join(f"{line}\t{number % 2}\n" for number, line in enumerate(LINES)))
    steps.write_text("".join("\n".join(f"{word}\tx" for word in line.split()) + "\n\n" for line in LINES))
    folder = bert(tmp_path / "bert")
    before = first_trained(load(folder))
    source, lengths = (
        torch.tensor([before.tokenizer.special_tokens.around(before.tokenizer.encode(LINES[0]))]),
        torch.tensor([9]),
    )
    lengths = torch.tensor([source.size(1)])
    settings = {"data.train": [str(texts)], "data.valid": [str(texts)], "data.overlap": "keep", "start": str(folder)}
    with torch.no_grad():
        expected = before.network.eval()(source, lengths)
        for changes, head in ({}, "BertForSequenceClassification"), ({"network.pool": "mean"}, None):
            model, about = initial_model(build("classify", settings | changes), tmp_path / f"run-{head}")
            classifier = first_trained(model)
            assert (
                classifier.plan.architecture if classifier.plan else None
            ) == head and "head.weight, head.bias (2 classes)" in about[1]
            vectors = classifier.network.eval().encoder(classifier.network.embedding(source), lengths).vectors
            assert torch.allclose(vectors, expected, atol=1e-5)
            assert (classifier.preprocessor.arrays([LINES[0]])[0] == source[0].numpy()).all()
    labelled = build("label", settings | {"data.train": [str(steps)], "data.valid": [str(steps)], "train.steps": 2})
    model = run(labelled, tmp_path / "label", Quiet())
    assert load(tmp_path / "label").answer([LINES[0]]) == model.answer([LINES[0]])


def test_what_varies_pictures_is_refused_where_there_are_none(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "texts.tsv").write_text("one\ta\ntwo\tb\nthree\ta\nfour\tb\n")
    for name, key, value in (
        ("classify", "augment", ["turn"]),
        ("classify", "mix", 0.5),
        ("label", "augment", ["flip"]),
    ):
        request = recipe(files, name, "frame", **{f"train__{key}": value})
        if name == "classify":
            request = recipes.change(request, {"data.train": [str(tmp_path / "texts.tsv")], "data.valid": "auto"})
        with pytest.raises(HeedfulError, match=rf"train\.{key} .* pictures, and there are none here"):
            run(request, tmp_path / "run", Quiet())
        assert not (tmp_path / "run").exists()


BETTER = {
    "classify": "google/vit-base-patch16-224",
    "caption": "google/vit-base-patch16-224",
    "match": "openai/clip-vit-large-patch14",
}


@pytest.mark.parametrize("task", sample(BETTER, 2))
def test_few_large_pictures_are_told_what_would_do_better(task: str, files: dict[str, str], tmp_path: Path) -> None:
    network = "gru" if task == "caption" else "frame"
    advice = {}
    for side in (16, 64):
        listener = NoteRecorder()
        run(recipe(files, task, network, data__picture=side, train__steps=1), tmp_path / str(side), listener)
        advice[side] = [line for line in listener.lines if "starts from scratch" in line]
    assert not advice[16] and len(advice[64]) == 1
    data = files[f"train-{COLUMN.get(task, 'texts')}"]
    assert advice[64][0].endswith(f": heedful train {task} {data} --from {BETTER[task]}")


def test_places_are_stretched_to_larger_pictures(files: dict[str, str], tmp_path: Path) -> None:
    folder = published_vit(tmp_path / "theirs")
    model, about = initial_model(recipe_from(files, "classify", folder, data__picture=20), tmp_path / "run")
    assert "  resized: embedding.line.table.weight (26 × 24 here, 10 × 24 there)" in about
    pretrained_table, table = (
        first_trained(trained).network.embedding.line.table.weight.detach() for trained in (load(folder), model)
    )
    positions = PatchPositions("learned", (3, 3), 24)
    positions.table = nn.Parameter(pretrained_table[1:].unflatten(0, (3, 3)))
    assert torch.equal(table[0], pretrained_table[0]) and torch.equal(table[1:], positions((5, 5)))
    assert torch.equal(
        table[1:], F.interpolate(pretrained_table[1:].T.view(1, 24, 3, 3), (5, 5), mode="bicubic")[0].flatten(1).T
    )


def test_frozen_parts_keep_their_bytes(files: dict[str, str], tmp_path: Path) -> None:
    """No step, no decay, no average, nothing kept of them in the optimizer; all else moves."""
    run(recipe(files, "classify", "vaswani2017"), tmp_path / "start", Quiet())
    frozen, listener = ["embedding", "encoder.layers.0"], NoteRecorder()
    request = recipe_from(
        files, "classify", tmp_path / "start", train__freeze=frozen, train__weight_decay=0.5, train__steps=6
    )
    run(request, tmp_path / "run", listener)
    assert any("weights learn; embedding and encoder.layers.0 stay as before" in line for line in listener.lines)
    before, after = (read_tensors(tmp_path / name / "model.safetensors") for name in ("start", "run"))
    unchanged = {name for name in before if display_name(name).startswith(tuple(f"{part}." for part in frozen))}
    assert unchanged and all(torch.equal(before[name], after[name]) == (name in unchanged) for name in before)
    newest = max((tmp_path / "run" / "checkpoints").glob("step-*"))
    moved = read_tensors(newest / "optimizer.safetensors").keys() | read_tensors(newest / "average.safetensors").keys()
    assert {name.partition("/")[0] for name in moved} == before.keys() - unchanged


def test_each_layer_learns_slower_than_the_one_above() -> None:
    """One step of AdamW, by hand: its first step is the sign of the gradient, at the rate of the layer."""
    torch.manual_seed(SEED)
    settings = resolve(NetworkSettings(name="vaswani2017", size="tiny", depth=2, width=16, norm="pre"), "fill")
    network = EncoderHead(nn.Embedding(9, 16), build_encoder(settings), 3, "mean", 0.0)
    scales = {
        "embedding": 0.5**3,
        "encoder.layers.0": 0.5**2,
        "encoder.layers.1": 0.5,
        "encoder.layers.norm": 1,
        "head": 1,
    }
    optimizer = adamw(network, 1.0, 0.1, layer_decay=0.5)
    set_rate([optimizer], 0.01)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for weight in network.parameters():
        weight.grad = torch.randn_like(weight)
    optimizer.step()
    parts = set()
    for name, weight in network.named_parameters():
        part = next(name_of_part for name_of_part in scales if display_name(name).startswith(f"{name_of_part}."))
        parts.add(part)
        rate, decays = 0.01 * scales[part], weight.dim() > 1 and part != "embedding"
        assert weight.grad is not None
        step = weight.grad / (weight.grad.abs() + 1e-8)
        expected = before[name] * (1 - rate * 0.1 * decays) - rate * step
        assert torch.allclose(weight, expected, atol=1e-6), name
    assert parts == {*scales}


def test_resumed_is_uninterrupted_with_groups_and_frozen_parts(files: dict[str, str], tmp_path: Path) -> None:
    run(recipe(files, "caption", "vaswani2017"), tmp_path / "start", Quiet())
    changes: dict[str, Any] = {"train__layer_decay": 0.7, "train__freeze": ["encoder.layers.1"], "train__steps": 12}
    request = recipe_from(files, "caption", tmp_path / "start", network__dropout=0.2, train__valid_every=3, **changes)
    run(request, tmp_path / "whole", Quiet())
    fate = Interruption({(False, 5)}, die)
    for _ in range(2):
        fate.is_stopped = False
        with suppress(PowerCut):
            run(request, tmp_path / "broken", fate)
    assert not fate.at and training_artifacts(tmp_path / "broken") == training_artifacts(tmp_path / "whole")


VALUES: dict[str, Any] = {
    "picture": 32,
    "colours": "gray",
    "fit": "pad",
    "augment": ["turn"],
    "class_weights": "balanced",
    "long": "cut",
    "long_prompt": "end",
    "prefix": "x",
    "template": ["a {}"],
    "sample": True,
    "shared_tokenizer": True,
    "lowercase": True,
    "finish": "full",
    "close": True,
    "renormalize": True,
    "whole_words": True,
    "causal": True,
}
"""What a key may say; others may say a number, a kind of tokenizer or some texts."""
NUMBERS: dict[str, str] = dict.fromkeys(
    ("label_smoothing", "mix", "drop_source", "codebook", "mask", "top_p", "min_p"), "0.3"
)


def test_keys_that_a_task_has_no_use_for_are_refused(tmp_path: Path) -> None:
    """Every such key, for every task: refused where it says something, taken where it says nothing or is of use."""
    for key in keys():
        tasks = tasks_of(key, uses())
        name = key.rpartition(".")[2]
        if not tasks:
            continue
        declared = declaration(key)
        assert declared is not None
        default = declared.default_factory() if callable(declared.default_factory) else declared.default
        value = VALUES.get(
            name, value_of(key, "bpe" if "tokenizer" in name else "x" if default == [] else NUMBERS.get(name, "2"))
        )
        value = not default if isinstance(default, bool) else value
        for verb in TASKS:
            assert build(verb, {key: default}).task == verb
            if verb in tasks:
                assert build(verb, {key: value}).task == verb
                continue
            with pytest.raises(HeedfulError, match=f"{key} is for .*, and the task is {verb}"):
                build(verb, {key: value})
    run_of_old = build("translate", {"seed": 1})
    table = recipes.dump(run_of_old).replace('codebook = "auto"', "codebook = 0.5")
    (tmp_path / "recipe.toml").write_text(table)
    with pytest.raises(HeedfulError, match=r"train\.codebook is for draw"):
        recipes.load(tmp_path / "recipe.toml", uses=uses())
    (tmp_path / "config.json").write_text("{}")  # a run that began before it was refused goes on
    assert recipes.load(tmp_path / "recipe.toml", uses=uses()).train.codebook == 0.5


@torch.inference_mode()
@pytest.mark.parametrize("side", [8, 20, 32])
@pytest.mark.parametrize(("family", "task"), [("vit", "classify"), ("clip", "match")])
def test_other_sizes_are_seen_as_theirs(
    family: str, task: str, side: int, files: dict[str, str], tmp_path: Path
) -> None:
    """Smaller and larger ones: the vectors of all patches, or that of the picture."""
    folder = MODELS[family](tmp_path / "theirs")
    model, about = initial_model(recipe_from(files, task, folder, data__picture=side), tmp_path / "run")
    assert any("resized" in line and "line.table.weight" in line for line in about), about
    network: Any = first_trained(model).network.eval()
    pictures = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
    preprocessing = json.loads((folder / "preprocessor_config.json").read_text())
    mean, std = (torch.tensor(preprocessing[f"image_{key}"]) for key in ("mean", "std"))
    values = ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
    patches = torch.full((3,), (side // PATCH) ** 2 + 1)
    if family == "vit":
        theirs = oracle.ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
        expected = theirs(values, interpolate_pos_encoding=True).last_hidden_state
        vectors = network.encoder(network.embedding(pictures), patches).vectors
    else:
        theirs = oracle.CLIPModel.from_pretrained(folder).eval()
        expected = theirs.get_image_features(values, interpolate_pos_encoding=True)
        expected = getattr(expected, "pooler_output", expected)
        expected = expected / expected.norm(dim=-1, keepdim=True)
        vectors = network.embed(0, pictures, patches)
    assert (vectors - expected).abs().max() <= 1e-4 * expected.abs().max()
