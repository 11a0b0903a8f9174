"""A translator for CTranslate2: files for whoever runs it; or an engine of ours, of a language model too."""

import json
from collections.abc import Sequence
from pathlib import Path

from heedful.blocks.embedding import Sinusoidal
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SPECIALS
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines import ct2
from heedful.engines.onnx_engine import FACTS
from heedful.errors import HeedfulError
from heedful.exporters.package import ExportedFiles, Package, agreement_note
from heedful.networks.encoders import TransformerEncoder
from heedful.small_files import read_json_table
from heedful.tasks.complete.learnable import LearnableLanguageModel
from heedful.tasks.long import way_of
from heedful.tasks.seq2seq_learning import LearnableSeq2Seq
from heedful.tasks.task import find_task

__all__ = ["refuse", "require", "write", "write_engine"]
require = ct2.require

NAME_PREFIX = "heedful:"
"""Before names of entries that are not the tokenizer's."""


def refuse(package: Package) -> None:
    """Raises HeedfulError for what CTranslate2 has no place for."""
    translator_of(package)


def write(package: Package, folder: Path) -> ExportedFiles:
    """Writes the model and its tokenizers, and checks it; raises HeedfulError as `refuse` does."""
    model, recipe = translator_of(package), package.recipe
    network, notes = model.network, [write_model(model, folder)]
    find_task(recipe.task).answering.save(model, folder)
    if network.encoder.limit is not None:
        way = way_of(recipe.data.long, find_task(recipe.task).facts)
        notes.append(f"sources: at most {network.encoder.limit:,} tokens; of longer ones: {way} (data.long)")
    elif isinstance(network.encoder, TransformerEncoder) and isinstance(network.encoder.positions, Sinusoidal):
        notes.append(f"positions: the first {ct2.FARTHEST:,}, as the format holds a table of them and no formula")
    return ExportedFiles(
        {"model.bin": "weights"}, [*notes, 'use: ctranslate2.Translator("FOLDER"), as docs/export.md shows']
    )


def write_engine(package: Package, folder: Path) -> None:
    """Writes the model as an engine (engines/ct2_engine.py), and checks it; raises HeedfulError for what CTranslate2
    has no place for.
    """
    model = package.model
    if isinstance(model, LearnableLanguageModel):
        facts = {"room": model.limit}
        if lacks := ct2.unfit(model.network, model.limit):
            raise unfit(package, lacks)
    else:
        model = translator_of(package)
        is_formula = any(isinstance(module, Sinusoidal) for module in model.network.modules())
        facts = {"source_limit": model.network.encoder.limit, "limit": model.network.decoder.limit}
        facts |= {"room": ct2.FARTHEST if is_formula else None}
    write_model(model, folder)
    # Sources and answers hold their ends. The model itself knows of another one: what holds nothing but the end that it
    # knows is left out of a search.
    config = read_json_table(folder / "config.json")
    config |= {"add_source_eos": False, "eos_token": config["bos_token"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    facts |= {"vocabulary": model.network.decoder.vocabulary}
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def write_model(model: LearnableSeq2Seq | LearnableLanguageModel, folder: Path) -> str:
    """Writes the network and its vocabularies; the note of their check."""
    target = model.tokenizer if isinstance(model, LearnableLanguageModel) else model.target
    special, vocabularies = target.special_tokens, vocabularies_of(model)
    unknown = special.end if special.unknown is None else special.unknown
    ids = ct2.Special(special.begin, special.end, unknown)
    ct2.write(model.network, vocabularies, ids, folder)
    deviation = ct2.difference(model.network.eval(), vocabularies, ids, folder)
    return agreement_note("CTranslate2", "log probabilities of 4 answers", deviation)


def translator_of(package: Package) -> LearnableSeq2Seq:
    """The model, if CTranslate2 can run it."""
    model = package.model
    translates = isinstance(model, LearnableSeq2Seq) and not model.preprocessor.positions
    lacks = ct2.unfit(model.network) if translates else "models of translate"
    if not isinstance(model, LearnableSeq2Seq) or lacks:
        raise unfit(package, lacks)
    return model


def unfit(package: Package, lacks: str | None) -> HeedfulError:
    """The error for a model that CTranslate2 does not run."""
    recipe = package.recipe
    return HeedfulError(
        f"CTranslate2 runs {lacks} alone, and not {package.folder} ({recipe.task}, {recipe.network.name})."
    )


def vocabularies_of(model: LearnableSeq2Seq | LearnableLanguageModel) -> list[list[str]]:
    """The names of all ids of the source, if there is one, and of the target."""
    count = model.network.decoder.vocabulary
    if isinstance(model, LearnableLanguageModel):
        return [vocabulary(model.tokenizer, names_of_special([model.tokenizer]), count)]
    source, target = model.preprocessor.tokenizer, model.target
    special, table = names_of_special([source, target]), model.network.embedding.get_parameter("table.weight")
    return [vocabulary(source, special, len(table)), vocabulary(target, special, count)]


def names_of_special(tokenizers: Sequence[Tokenizer]) -> Sequence[str]:
    """The names of ids that are not the tokenizers', where tokens of theirs may have the usual ones."""
    moved = any(tokenizer.shift for tokenizer in tokenizers)
    return tuple(f"{NAME_PREFIX}{name}" for name in SPECIALS) if moved else SPECIALS


def vocabulary(tokenizer: Tokenizer, special: Sequence[str], count: int) -> list[str]:
    """The name of each of so many ids. What no text becomes has a name that is no token of the tokenizer."""
    if isinstance(tokenizer, SentencePieceTokenizer):
        return [tokenizer.names.get(number, f"{NAME_PREFIX}{number}") for number in range(count)]
    names = list(special)
    for number in range(len(special), count):
        theirs = tokenizer.inner_id(number)
        token = None if theirs == tokenizer.unk else tokenizer.inner.id_to_token(theirs)
        names.append(token if token is not None else f"{NAME_PREFIX}{number}")
    return names
