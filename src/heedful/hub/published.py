"""A folder in the Hugging Face format, opened and written: what stands in it, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from re import fullmatch
from typing import Any

import torch
from torch import nn

from heedful.errors import HeedfulError
from heedful.hub import files, generation_config, layout, marian, words
from heedful.hub.config import Config, merge_config
from heedful.hub.families import FAMILIES, family_of, is_base
from heedful.hub.family import Family
from heedful.hub.layout import Tensors
from heedful.hub.marian import Pieces
from heedful.hub.pictures import Preprocessing, parse
from heedful.hub.plan import Plan
from heedful.hub.sentences import Sentences, read_sentences
from heedful.hub.words import Words
from heedful.networks.joins import Network
from heedful.networks.meta import meta_device
from heedful.networks.settings import Join, row_for
from heedful.schema import NetworkSettings

FIXED_SETTINGS = ("width", "depth", "heads", "inner", "patch", "stem", "context")
"""Settings that a network which begins with published weights may not choose anew, if it is to stay of its family."""
HEAD_FACTS = ("names", "pooler", "pooled")
"""Facts of the layers on top."""
COPIED_FILES = (generation_config.FILE,)
"""Files that are given back as they came."""
OLD_ENDINGS = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Endings that old files have."""


@dataclass(frozen=True)
class Published:
    """Weights and all that belongs to them.

    `weights` have our names; `unused_tensors` have theirs, and no network of ours uses them. `tasks` is what they can
    do as they are; none: they only read. `target_words`: the tokenizer of what is written, if it is another than
    `words`. `sentences`: how texts become vectors, if they do. `copied_files` are given back as they came.
    """

    plan: Plan
    tasks: tuple[str, ...]
    weights: Tensors
    unused_tensors: Tensors = field(default_factory=dict)
    words: Words | Pieces | None = None
    target_words: Words | None = None
    pictures: Preprocessing | None = None
    sentences: Sentences | None = None
    copied_files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def generation_config(self) -> dict[str, Any]:
        """All that the files say of how answers are written."""
        return generation_config.read(self.plan.config, self.copied_files, self.plan.architecture)


def open(folder: Path | str) -> Published:
    """Reads a folder. Raises HeedfulError for a family, an architecture, a setting or a tensor that is not known here.

    Nothing in the folder is run, and weights are read from safetensors alone.
    """
    folder = Path(folder)
    table = files.read_json(folder / "config.json")
    family, architecture = family_of(table, folder)
    pictures = preprocessing(folder, family)
    theirs = rename_tensors(files.read_tensors(folder), family, architecture)
    family.check_tensors(theirs, str(folder))
    theirs = {name: tensor for name, tensor in theirs.items() if not any(fullmatch(p, name) for p in family.computed)}
    files.refuse_numbers(theirs, str(folder))
    config = Config(table, str(folder / "config.json"))
    plan = replace(family.plan(config, architecture, set(theirs), pictures), config=table)
    config.refuse_unused()
    refuse_heads(plan, config.where)
    theirs = drop_twins(theirs, family.twins(plan), str(folder))
    weights, unused_tensors = layout.read(family.table(plan), theirs, family.unused_names, str(folder))
    refuse_shapes(plan, weights, str(folder))
    family.check_weights(plan, weights)
    copied_files = {name: files.content_of(folder / name) for name in COPIED_FILES if (folder / name).exists()}
    generation_config.read(table, copied_files, str(folder))
    tasks = family.tasks[architecture]
    words = family.words(folder), family.target_words(folder)
    sentences = read_sentences(folder) if not tasks and words[0] else None
    copied_files |= sentences.files if sentences else {}
    return Published(plan, tasks, weights, unused_tensors, *words, pictures, sentences, copied_files)


def write(published: Published, folder: Path | str) -> None:
    """Writes a folder that the library loads: config, weights, tokenizer and preprocessing.

    Raises HeedfulError if there is something in it already, and for weights that the layout has no place for.
    """
    folder, family = Path(folder), FAMILIES[published.plan.family]
    if folder.exists() and any(folder.iterdir()):
        raise HeedfulError(f"{folder} is not empty.", "Name a folder that is not there yet.")
    plan, weights = family.prepare_weights(published.plan, published.weights)
    theirs = layout.write(family.table(plan), weights) | published.unused_tensors
    config = merge_config(plan.config, family.config(plan))
    config = {**config, "dtype": str(next(iter(theirs.values())).dtype).removeprefix("torch.")}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(files.dump(config), encoding="utf-8")
    files.write_tensors(theirs, folder)
    if published.pictures is not None:
        (folder / "preprocessor_config.json").write_text(files.dump(published.pictures.plain()), encoding="utf-8")
    for name, content in {**tokenizer_files(published, family), **published.copied_files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def build(plan: Plan) -> Network:
    """The network of a plan, with fresh weights."""
    return FAMILIES[plan.family].build(plan)


def derive_plan(
    plan: Plan,
    task: str,
    settings: NetworkSettings,
    join: Join,
    default: str,
    names: Sequence[str] = (),
    size: int = 0,
) -> Plan | None:
    """The plan of a network for a task that begins with what was published; `size` of its pictures, if it sees any.

    `join`, `default`: how the task joins the parts of a row, and its usual one.
    None: the family has no such network, or `settings` ask for another than that of the plan.
    """
    family = FAMILIES[plan.family]
    fit = [name for name, tasks in family.tasks.items() if task in tasks]
    same = any(
        all(
            "auto" in (pair := (getattr(side, key), getattr(settings, key))) or pair[0] == pair[1]
            for key in FIXED_SETTINGS
        )
        and row_for(side.name, join, default) == settings.name
        for side in plan.sides.values()
    )
    same = same and settings.pool in ("auto", "summary")
    if not fit or not same or bool(size) != bool(family.pictures):
        return None
    architecture = plan.architecture if plan.architecture in fit else fit[0]
    facts = {key: fact for key, fact in plan.facts.items() if key not in HEAD_FACTS}
    facts |= ({"names": list(names)} if names else {}) | ({"size": size} if size else {})
    sides = {name: replace(side, dropout=settings.dropout) for name, side in plan.sides.items()}
    return replace(plan, architecture=architecture, facts=facts, sides=sides)


def network(published: Published) -> nn.Module:
    """The network with its weights in float32, ready to answer."""
    model = build(published.plan)
    parameters = dict(model.named_parameters())
    assert parameters.keys() == published.weights.keys(), sorted(parameters.keys() ^ published.weights.keys())
    with torch.no_grad():
        for name, weight in parameters.items():
            weight.copy_(published.weights[name])
    return model.eval()


def weights_of(model: nn.Module) -> Tensors:
    """The weights of a network by the names that a plan's table knows, each once."""
    return {name: weight.detach().cpu() for name, weight in model.named_parameters()}


def with_weights(published: Published, model: nn.Module) -> Published:
    """The same with the weights that a network has now."""
    return replace(published, weights=weights_of(model))


def ids(published: Published) -> dict[str, int]:
    """The ids that a search begins and ends with (begin, end, pad), by the files that tell them."""
    return generation_config.ids(published.generation_config)


def preprocessing(folder: Path, family: Family) -> Preprocessing | None:
    """How pictures are prepared, if a file says so."""
    if not family.pictures:
        return None
    path, within = folder / "preprocessor_config.json", folder / "processor_config.json"
    if path.exists():
        table = files.read_json(path)
    elif within.exists() and isinstance(files.read_json(within).get("image_processor"), dict):
        path, table = within, files.read_json(within)["image_processor"]
    else:
        return None
    if "auto_map" in table:
        raise words.own_code(path)
    return parse(table, str(path), family.pictures)


def rename_tensors(theirs: Tensors, family: Family, architecture: str) -> Tensors:
    """Tensors by the names that the table knows: with the prefix if there are layers on top, without if not."""
    for old, new in OLD_ENDINGS.items():
        theirs = {
            name.removesuffix(old) + new if name.endswith(old) else name: tensor for name, tensor in theirs.items()
        }
    prefix = family.prefix
    if not prefix:
        return theirs
    has = any(name.startswith(prefix) for name in theirs)
    wants = not is_base(architecture)
    if wants and not has:
        tops = ("lm_head.", "cls.", "classifier.", "pre_classifier.", "vocab_")
        return {name if name.startswith(tops) else prefix + name: tensor for name, tensor in theirs.items()}
    if has and not wants:
        return {name.removeprefix(prefix): tensor for name, tensor in theirs.items()}
    return theirs


def drop_twins(theirs: Tensors, twins: Mapping[str, str], where: str) -> Tensors:
    """Each tensor once. Raises HeedfulError where two that should be one differ."""
    tensors = dict(theirs)
    for twin, name in twins.items():
        if twin not in tensors:
            continue
        tensor = tensors.pop(twin)
        if not torch.equal(tensors.setdefault(name, tensor), tensor):
            raise HeedfulError(f"{twin} and {name} in {where} are one tensor by config.json, but they differ.")
    return tensors


def shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of a plan's network."""
    with meta_device():
        return {name: tuple(weight.shape) for name, weight in build(plan).named_parameters()}


def refuse_heads(plan: Plan, where: str) -> None:
    """Raises HeedfulError for heads that cannot share the width of a side."""
    for side in plan.sides.values():
        if int(side.width) % int(side.heads):
            raise HeedfulError(f"{where}: {side.heads} attention heads cannot share the width {side.width}.")


def refuse_shapes(plan: Plan, weights: Tensors, where: str) -> None:
    """Raises HeedfulError that names every tensor of another shape than config.json tells."""
    wrong = [
        f"{name}: {tuple(weights[name].shape)}, not {shape}"
        for name, shape in shapes(plan).items()
        if tuple(weights[name].shape) != shape
    ]
    if wrong:
        raise HeedfulError(f"Weights in {where} have other shapes than config.json tells.", "\n".join(wrong))


def tokenizer_files(published: Published, family: Family) -> dict[str, bytes]:
    """The files of the tokenizer, if there is one."""
    if isinstance(published.words, Pieces):
        return marian.write_words(published.words)
    contents = words.write(published.words, family.tokenizer) if published.words else {}
    beside = words.write(published.target_words, family.tokenizer) if published.target_words else {}
    return contents | {f"{marian.BESIDE}/{name}": content for name, content in beside.items()}
