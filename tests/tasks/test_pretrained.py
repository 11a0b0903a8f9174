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
from heedful.api.model import Model
from heedful.api.pretrained import inherit, open_start
from heedful.api.train import get_ready, run
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
from heedful.training import decide as defaults
from heedful.training.checkpoint import read_tensors
from heedful.training.optimizer import adamw, set_rate
from heedful.training.progress import Quiet
from support.families import oracle
from support.inside import inside
from support.interrupted_training import Died, Fate, die, learnt
from support.published import LINES, MADE, PATCH, bert, classes, save, vit_config, vit_pictures
from support.published import vit as published_vit
from support.sampling import SEED, sample
from support.tiny_tasks import CASES, COLUMN, recipe, written


class Said(Quiet):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def begun(asked: Recipe, folder: Path) -> tuple[Model, list[str]]:
    """A model as it is before its first step, and what is said of it."""
    start = open_start(asked.start)
    settled = find_task(asked.task).learning.resolve(inherit(asked, start))
    settled = replace(settled, train=defaults.resolve(settled.train))
    ready = get_ready(settled, start, folder, Quiet())
    return Model(folder, ready.recipe, (ready.model,)), ready.about


def on(files: dict[str, str], name: str, start: Path, network: str = "auto", **changes: Any) -> Recipe:
    """A recipe that begins with weights, and says nothing of the network."""
    made = recipe(files, name, network, start=str(start), **changes)
    dropped = ["network.width", "network.size", "data.source_tokenizer", "data.window"]
    return recipes.change(made, dict.fromkeys(dropped))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return written(tmp_path_factory.mktemp("files"), SEED)


@pytest.mark.parametrize(("name", "network"), sample(CASES, 6))
def test_what_fits_answers_as_before(name: str, network: str, files: dict[str, str], tmp_path: Path) -> None:
    """On the same data all tensors are taken, and every answer is the one of the start, to the last bit."""
    run(recipe(files, name, network), tmp_path / "start", Quiet())
    (tmp_path / "start" / "data").rename(tmp_path / "elsewhere")
    model, about = begun(on(files, name, tmp_path / "start"), tmp_path / "run")
    assert "all" in about[0] and "tensors taken" in about[0] and "new:" not in "".join(about)
    before = load(tmp_path / "start")
    asked = [one.source for one in model.examples(files[f"valid-{COLUMN.get(name, 'texts')}"], model.recipe)]
    asked = list(model.prompts(asked[:4]))
    changes = {"generate.seed": 3} if name in ("draw", "complete") else {}
    assert model.answer(asked, changes) == before.answer(asked, changes)


def test_classes_keep_their_rows_in_whatever_order(files: dict[str, str], tmp_path: Path) -> None:
    """Published classes in an order of their own: each name gets its probability; other classes get a new head."""
    names = ["frame", "bar", "cross", "dot"]
    folder = tmp_path / "theirs"
    save(oracle.ViTForImageClassification(vit_config(**classes(names))), folder)
    vit_pictures(folder)
    model, about = begun(on(files, "classify", folder), tmp_path / "run")
    assert inside(model).names == tuple(sorted(names)) and about[0].startswith(f"from {folder} (classify): all 40")
    asked = [f"{files['valid-labels']}#{row}" for row in range(3)]
    theirs = load(folder).answer(asked, {"generate.n_best": 4})
    for mine, other in zip(model.answer(asked, {"generate.n_best": 4}), theirs, strict=True):
        assert [one.output for one in mine] == [one.output for one in other]
        assert [one.score for one in mine] == pytest.approx([one.score for one in other], abs=1e-5)
    _, about = begun(on(files, "classify", published_vit(tmp_path / "three")), tmp_path / "other")
    assert about[1:] == [
        "  new: head.weight, head.bias (4 classes, 3 there)",
        "  left over there: head.weight, head.bias",
    ]
    _, about = begun(on(files, "classify", folder, network__pool="mean"), tmp_path / "mean")
    assert about[1] == "  new: head.weight, head.bias (read from the mean here, the first vector there)"


OTHERS = [
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


@pytest.mark.parametrize(("first", "network", "then", "column", "told"), OTHERS)
def test_parts_go_from_task_to_task(
    first: str, network: str, then: str, column: str, told: list[str], files: dict[str, str], tmp_path: Path
) -> None:
    """What stands in the same place is the same tensor; the rest is told; and the same recipe goes on afterwards."""
    run(recipe(files, first, network), tmp_path / "start", Quiet())
    said = Said()
    asked = on(files, then, tmp_path / "start", network if network != "clip" else "auto")
    model, _ = begun(asked, tmp_path / "begun")
    before = inside(load(tmp_path / "start")).network
    if then == "classify":
        mine = inside(model).network
        pairs = [(mine.embedding, before.embeddings[0]), (mine.encoder, before.encoders[0])]
        for part, other in pairs:
            assert all(torch.equal(one, two) for one, two in zip(part.parameters(), other.parameters(), strict=True))
    run(asked, tmp_path / "run", said)
    assert all(any(line in one for one in said.lines) for line in told), said.lines
    kept = json.loads((tmp_path / "run" / "scores.json").read_text())["facts"]["start"]
    assert kept[0] in (tmp_path / "run" / "README.md").read_text().replace("\\", "")
    again = recipes.load(tmp_path / "run" / "recipe.toml")
    (tmp_path / "run" / "scores.json").unlink()
    fate = Fate(set(), die)
    run(again, tmp_path / "run", fate)
    assert not fate.learning


def test_what_shares_nothing_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    run(recipe(files, "complete", "gpt"), tmp_path / "start", Quiet())
    with pytest.raises(HeedfulError, match="fit no part of this network"):
        run(on(files, "fill", tmp_path / "start"), tmp_path / "run", Quiet())
    assert not (tmp_path / "run").exists()
    with pytest.raises(HeedfulError, match=r"network\.width is 32, but the weights come from a network with 16"):
        wide = recipes.change(on(files, "complete", tmp_path / "start"), {"network.width": 32})
        run(wide, tmp_path / "run", Quiet())
    with pytest.raises(HeedfulError, match=r'no part "decoder.layer.0".\n  Did you mean "decoder.layers.0"'):
        run(on(files, "complete", tmp_path / "start", train__freeze=["decoder.layer.0"]), tmp_path / "run", Quiet())


def test_a_published_reader_begins_to_classify_and_to_label(tmp_path: Path) -> None:
    """BERT's own encoder reads as before, in its own layout, or with its second vector of texts folded into another."""
    texts, steps = tmp_path / "texts.tsv", tmp_path / "steps.conll"
    texts.write_text("".join(f"{line}\t{number % 2}\n" for number, line in enumerate(LINES)))
    steps.write_text("".join("\n".join(f"{word}\tx" for word in line.split()) + "\n\n" for line in LINES))
    folder = bert(tmp_path / "bert")
    before = inside(load(folder))
    source, lengths = (
        torch.tensor([before.tokenizer.special_tokens.around(before.tokenizer.encode(LINES[0]))]),
        torch.tensor([9]),
    )
    lengths = torch.tensor([source.size(1)])
    asked = {"data.train": [str(texts)], "data.valid": [str(texts)], "data.overlap": "keep", "start": str(folder)}
    with torch.no_grad():
        expected = before.network.eval()(source, lengths)
        for changes, head in ({}, "BertForSequenceClassification"), ({"network.pool": "mean"}, None):
            model, about = begun(build("classify", asked | changes), tmp_path / f"run-{head}")
            one = inside(model)
            assert (
                one.plan.architecture if one.plan else None
            ) == head and "head.weight, head.bias (2 classes)" in about[1]
            got = one.network.eval().encoder(one.network.embedding(source), lengths).vectors
            assert torch.allclose(got, expected, atol=1e-5)
            assert (one.preprocessor.arrays([LINES[0]])[0] == source[0].numpy()).all()
    labelled = build("label", asked | {"data.train": [str(steps)], "data.valid": [str(steps)], "train.steps": 2})
    model = run(labelled, tmp_path / "label", Quiet())
    assert load(tmp_path / "label").answer([LINES[0]]) == model.answer([LINES[0]])


def test_what_varies_pictures_is_refused_where_there_are_none(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "texts.tsv").write_text("one\ta\ntwo\tb\nthree\ta\nfour\tb\n")
    for name, key, value in (
        ("classify", "augment", ["turn"]),
        ("classify", "mix", 0.5),
        ("label", "augment", ["flip"]),
    ):
        asked = recipe(files, name, "frame", **{f"train__{key}": value})
        if name == "classify":
            asked = recipes.change(asked, {"data.train": [str(tmp_path / "texts.tsv")], "data.valid": "auto"})
        with pytest.raises(HeedfulError, match=rf"train\.{key} .* pictures, and there are none here"):
            run(asked, tmp_path / "run", Quiet())
        assert not (tmp_path / "run").exists()


BETTER = {
    "classify": "google/vit-base-patch16-224",
    "caption": "google/vit-base-patch16-224",
    "match": "openai/clip-vit-large-patch14",
}


@pytest.mark.parametrize("task", sample(BETTER, 2))
def test_few_large_pictures_are_told_what_would_do_better(task: str, files: dict[str, str], tmp_path: Path) -> None:
    network = "gru" if task == "caption" else "frame"
    told = {}
    for side in (16, 64):
        said = Said()
        run(recipe(files, task, network, data__picture=side, train__steps=1), tmp_path / str(side), said)
        told[side] = [line for line in said.lines if "starts from scratch" in line]
    assert not told[16] and len(told[64]) == 1
    data = files[f"train-{COLUMN.get(task, 'texts')}"]
    assert told[64][0].endswith(f": heedful train {task} {data} --from {BETTER[task]}")


def test_places_are_stretched_to_larger_pictures(files: dict[str, str], tmp_path: Path) -> None:
    folder = published_vit(tmp_path / "theirs")
    model, about = begun(on(files, "classify", folder, data__picture=20), tmp_path / "run")
    assert "  resized: embedding.line.table.weight (26 × 24 here, 10 × 24 there)" in about
    there, here = (inside(one).network.embedding.line.table.weight.detach() for one in (load(folder), model))
    places = PatchPositions("learned", (3, 3), 24)
    places.table = nn.Parameter(there[1:].unflatten(0, (3, 3)))
    assert torch.equal(here[0], there[0]) and torch.equal(here[1:], places((5, 5)))
    assert torch.equal(here[1:], F.interpolate(there[1:].T.view(1, 24, 3, 3), (5, 5), mode="bicubic")[0].flatten(1).T)


def test_frozen_parts_keep_their_bytes(files: dict[str, str], tmp_path: Path) -> None:
    """No step, no decay, no average, nothing kept of them in the optimizer; all else moves."""
    run(recipe(files, "classify", "vaswani2017"), tmp_path / "start", Quiet())
    frozen, said = ["embedding", "encoder.layers.0"], Said()
    asked = on(files, "classify", tmp_path / "start", train__freeze=frozen, train__weight_decay=0.5, train__steps=6)
    run(asked, tmp_path / "run", said)
    assert any("M weights learn; embedding and encoder.layers.0 stay as before" in line for line in said.lines)
    before, after = (read_tensors(tmp_path / name / "model.safetensors") for name in ("start", "run"))
    still = {name for name in before if display_name(name).startswith(tuple(f"{part}." for part in frozen))}
    assert still and all(torch.equal(before[name], after[name]) == (name in still) for name in before)
    newest = max((tmp_path / "run" / "checkpoints").glob("step-*"))
    moved = read_tensors(newest / "optimizer.safetensors").keys() | read_tensors(newest / "average.safetensors").keys()
    assert {name.partition("/")[0] for name in moved} == before.keys() - still


def test_each_layer_learns_slower_than_the_one_above() -> None:
    """One step of AdamW, by hand: its first step is the sign of the gradient, at the rate of the layer."""
    torch.manual_seed(SEED)
    settings = resolve(NetworkSettings(name="vaswani2017", size="tiny", depth=2, width=16, norm="pre"), "fill")
    network = EncoderHead(nn.Embedding(9, 16), build_encoder(settings), 3, "mean", 0.0)
    shares = {
        "embedding": 0.5**3,
        "encoder.layers.0": 0.5**2,
        "encoder.layers.1": 0.5,
        "encoder.layers.norm": 1,
        "head": 1,
    }
    optimizer = adamw(network, 1.0, 0.1, layer_decay=0.5)
    set_rate(optimizer, 0.01)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for weight in network.parameters():
        weight.grad = torch.randn_like(weight)
    optimizer.step()
    seen = set()
    for name, weight in network.named_parameters():
        part = next(one for one in shares if display_name(name).startswith(f"{one}."))
        seen.add(part)
        rate, decays = 0.01 * shares[part], weight.dim() > 1 and part != "embedding"
        assert weight.grad is not None
        step = weight.grad / (weight.grad.abs() + 1e-8)
        expected = before[name] * (1 - rate * 0.1 * decays) - rate * step
        assert torch.allclose(weight, expected, atol=1e-6), name
    assert seen == {*shares}


def test_resumed_is_uninterrupted_with_groups_and_frozen_parts(files: dict[str, str], tmp_path: Path) -> None:
    run(recipe(files, "caption", "vaswani2017"), tmp_path / "start", Quiet())
    changes: dict[str, Any] = {"train__layer_decay": 0.7, "train__freeze": ["encoder.layers.1"], "train__steps": 12}
    asked = on(files, "caption", tmp_path / "start", network__dropout=0.2, train__valid_every=3, **changes)
    run(asked, tmp_path / "whole", Quiet())
    fate = Fate({(False, 5)}, die)
    for _ in range(2):
        fate.struck = False
        with suppress(Died):
            run(asked, tmp_path / "broken", fate)
    assert not fate.at and learnt(tmp_path / "broken") == learnt(tmp_path / "whole")


SAID: dict[str, Any] = {
    "picture": 32,
    "colours": "gray",
    "fit": "pad",
    "augment": ["turn"],
    "class_weights": "balanced",
    "long_prompt": "end",
    "prefix": "x",
    "template": ["a {}"],
    "sample": True,
    "shared_tokenizer": True,
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
        value = SAID.get(
            name, value_of(key, "bpe" if "tokenizer" in name else "x" if default == [] else NUMBERS.get(name, "2"))
        )
        for one in TASKS:
            assert build(one, {key: default}).task == one
            if one in tasks:
                assert build(one, {key: value}).task == one
                continue
            with pytest.raises(HeedfulError, match=f"{key} is for .*, and the task is {one}"):
                build(one, {key: value})
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
    folder = MADE[family](tmp_path / "theirs")
    model, about = begun(on(files, task, folder, data__picture=side), tmp_path / "run")
    assert any("resized" in line and "line.table.weight" in line for line in about), about
    network: Any = inside(model).network.eval()
    pictures = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
    told = json.loads((folder / "preprocessor_config.json").read_text())
    mean, std = (torch.tensor(told[f"image_{key}"]) for key in ("mean", "std"))
    values = ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
    patches = torch.full((3,), (side // PATCH) ** 2 + 1)
    if family == "vit":
        theirs = oracle.ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
        expected = theirs(values, interpolate_pos_encoding=True).last_hidden_state
        found = network.encoder(network.embedding(pictures), patches).vectors
    else:
        theirs = oracle.CLIPModel.from_pretrained(folder).eval()
        expected = theirs.get_image_features(values, interpolate_pos_encoding=True)
        expected = getattr(expected, "pooler_output", expected)
        expected = expected / expected.norm(dim=-1, keepdim=True)
        found = network.embed(0, pictures, patches)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
