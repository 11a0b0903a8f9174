"""A model in the Hugging Face format, for transformers and all that reads what it reads."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from heedful import hub
from heedful.api.locate import is_published, located
from heedful.api.model import Model
from heedful.data.pictures.read import Form
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import EOS, PAD
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.exporters.tokenizer_files import pieces_of, spelt, swapped, words_of
from heedful.hub import Published
from heedful.hub.pictures import Preprocessing
from heedful.tasks.published import described

LANCZOS = 1  # as Pillow counts
FARTHEST = 512  # positions of a translator, which the format has a table for and we a formula
FAMILIES = {"complete": "gpt2", "fill": "bert", "classify": "vit", "match": "clip", "translate": "marian"}
"""The layout for a network that was trained here, by what it does."""
FILES = {
    "config.json": "settings",
    "model.safetensors": "weights",
    "generation_config.json": "how answers are written",
    "preprocessor_config.json": "how pictures are prepared",
    "tokenizer.json": "tokenizer",
    "tokenizer_config.json": "its special tokens",
    "target/tokenizer.json": "tokenizer of what is written",
    "target/tokenizer_config.json": "its special tokens",
    "special_tokens_map.json": "the same for older readers",
    "target/special_tokens_map.json": "the same for older readers",
    "vocab.json": "tokenizer",
    "merges.txt": "tokenizer",
    "vocab.txt": "tokenizer",
    "source.spm": "tokenizer of what is read",
    "target.spm": "tokenizer of what is written",
}


def require() -> None:
    """Nothing more than Heedful itself."""


def write(model: Model, folder: Path) -> tuple[dict[str, str], list[str]]:
    """Writes the folder; returns what is what, and notes. Raises HeedfulError for what the format has no place for."""
    found, trained = located(model.folder), model.trained[0]
    notes: list[str] = []
    if is_published(found):
        made = hub.open(found)
    elif getattr(trained, "plan", None):
        made = planned(model, notes)
    else:
        made = own(model, notes)
    hub.write(made, folder)
    notes.append(f'use: transformers, {made.plan.architecture}.from_pretrained("FOLDER")')
    return FILES, notes


def planned(model: Model, notes: list[str]) -> Published:
    """A model that was published once, with the weights that it has now."""
    trained = model.trained[0]
    plan, network = trained.plan, getattr(trained.network, "inner", trained.network)
    made = Published(plan, (model.task,), hub.given(network), carried=written(model))
    form = form_of(trained)
    if form is not None:
        assert form.resizing is not None, "a published model has one"
        ways = (form.resizing.shorter, form.resizing.sides, form.resizing.crop, form.resizing.resample)
        colours = tuple(plan.facts["mean"]), tuple(plan.facts["std"])
        made = replace(made, pictures=Preprocessing(*ways, *colours, {}))
    if model.task == "translate" and isinstance(trained.target, SentencePieceTokenizer):
        return replace(made, words=pieces_of(trained.reading.coder, trained.target))
    if model.task == "translate":
        return translating(made, trained, notes)
    words = tokenizer_of(trained)
    return replace(made, words=words_of(words)) if words else made


def own(model: Model, notes: list[str]) -> Published:
    """A network that was trained here, in its family's layout, with its vocabulary and its way to prepare pictures."""
    if model.task not in FAMILIES:
        raise HeedfulError(
            f"The format has no layout for {model.folder} ({model.task}, {model.recipe.network.name}).",
            f"It has for: {', '.join(FAMILIES)}. ONNX takes any: heedful export {model.folder} --to onnx",
        )
    family, trained = FAMILIES[model.task], model.trained[0]
    words, form = tokenizer_of(trained), form_of(trained)
    if model.task == "classify" and form is None:
        raise HeedfulError(f"The format has no layout for {model.folder}, which was trained here to classify texts.")
    made = hub.own(family, trained.settings, facts(model), trained.network)
    special = {"bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PAD} if words else {}
    made = replace(made, plan=replace(made.plan, config=special), carried=written(model))
    if form is not None:
        made = replace(made, pictures=prepared(form, made.plan.facts))
        notes.append("pictures: squares of another size may differ at their edges, as they are resized by other code")
    if words is None:
        return made
    if model.task == "translate":
        return translating(made, trained, notes)
    limit = trained.limit if model.task in ("complete", "fill") else trained.network.encoders[1].limit
    if model.task == "match":
        return matching(made, words, limit)
    ends = (["<s>"], ["</s>"] if model.task == "fill" else []) if trained.ends else ([], [])
    gap = words.mask if model.task == "fill" else None
    return replace(made, words=spelt(words, *ends, limit=limit, gap=gap))


def facts(model: Model) -> dict[str, Any]:
    """What a family's layout must know beside the settings."""
    trained = model.trained[0]
    match model.task:
        case "complete":
            return {"vocabulary": trained.tokenizer.size}
        case "fill":
            return {"vocabulary": trained.tokenizer.size + 1}
        case "classify":
            return colours(trained.reading) | {"names": list(trained.names)}
        case "match":
            size = trained.words.tokenizer.size
            return colours(trained.pictures) | {"vocabulary": size, "end": size - 1}
    sizes = {"vocabulary": trained.reading.tokenizer.size, "target": trained.target.size}
    return sizes | {"shared": trained.shared, "longest": FARTHEST, "pad": PAD, "eos": EOS, "decoder_start": 1}


def colours(read: Any) -> dict[str, Any]:
    """Side, mean and spread of pictures."""
    pixels = read.pixels
    return {"size": pixels.size, "mean": list(pixels.mean), "std": list(pixels.std)}


def form_of(trained: Any) -> Form | None:
    """How a model's pictures are made, if it reads any."""
    read = getattr(trained, "pictures", None) or getattr(trained, "reading", None)
    return read.coder if read is not None and isinstance(read.coder, Form) else None


def tokenizer_of(trained: Any) -> Tokenizer | None:
    """The tokenizer of a model, of what it writes if it has two."""
    form = getattr(trained, "form", None)
    if form is not None and form.vocabulary is not None:
        return getattr(form.vocabulary, "tokenizer", None)
    for name in ("tokenizer", "target"):
        if isinstance(getattr(trained, name, None), Tokenizer):
            return getattr(trained, name)
    read = getattr(trained, "words", None) or getattr(trained, "reading", None)
    return read.coder if read is not None and isinstance(read.coder, Tokenizer) else None


def prepared(form: Form, facts: Any) -> Preprocessing:
    """A form of ours as near as the format comes; raises HeedfulError for one that it has no place for."""
    if form.fit == "pad":
        raise HeedfulError("data.fit=pad has no place in preprocessor_config.json.", "Train with data.fit=crop.")
    both = (form.size, form.size)
    shape = (form.size, None, both) if form.fit == "crop" else (None, both, None)
    found = Preprocessing(*shape, LANCZOS, tuple(facts["mean"]), tuple(facts["std"]), {})
    return replace(found, file=found.plain() | {"do_convert_rgb": form.colours == "rgb"})


def written(model: Model) -> dict[str, bytes]:
    """generation_config.json of what writes: its marks, and what an answer never has."""
    target = getattr(model.trained[0], "target", None) or getattr(model.trained[0], "tokenizer", None)
    if model.task not in ("complete", "translate", "caption") or target is None:
        return {}
    marks, search = target.special_tokens, model.recipe.generate
    table: dict[str, Any] = {"bos_token_id": marks.begin, "eos_token_id": marks.end}
    table["pad_token_id"] = marks.end if marks.pad is None else marks.pad
    if model.task != "complete":
        table |= {"decoder_start_token_id": marks.begin, "num_beams": search.beam}
        table["max_length"] = model.trained[0].slack + 1 if model.trained[0].stretch == 0 else FARTHEST
    table |= described(search, marks.end)
    never = {*marks.suppressed} | (set() if getattr(model.trained[0], "ends", True) else {marks.end})
    if never:
        table["suppress_tokens"] = sorted(never)
    return {"generation_config.json": json.dumps(table, indent=2).encode()}


def translating(made: Published, author: Any, notes: list[str]) -> Published:
    """A translator with its tokenizers: that of what is written stands in a folder of its own, if there are two."""
    made = replace(made, words=spelt(author.reading.tokenizer, [], ["</s>"]))
    if made.plan.facts["shared"]:
        return made
    notes.append('tokenizers: AutoTokenizer.from_pretrained("FOLDER"), and with subfolder="target"')
    return replace(made, written=spelt(author.target, [], ["</s>"]))


def matching(made: Published, words: Tokenizer, limit: int | None) -> Published:
    """Two towers: the end of a text gets the highest id, as 2 means something else in this layout."""
    last, name = words.size - 1, "embeddings.1.table.weight"
    order = torch.arange(words.size)
    order[[EOS, last]] = order[[last, EOS]]
    special = {"bos_token_id": 1, "eos_token_id": last, "pad_token_id": PAD}
    table = made.weights[name][order].clone()
    plan = replace(made.plan, config={"text_config": special})
    spoken = spelt(words, [], ["</s>"], limit=limit, change=lambda file: swapped(file, EOS, last))
    return replace(made, plan=plan, weights={**made.weights, name: table}, words=spoken)
