"""A translator for CTranslate2: files for whoever runs it, or an engine of ours."""

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
    """Writes the model as an engine (engines/ct2_engine.py), and checks it; raises HeedfulError as `refuse` does."""
    model = translator_of(package)
    write_model(model, folder)
    network, config = model.network, folder / "config.json"
    # Sources and answers hold their ends. The model itself knows of another one: what holds nothing but the end that it
    # knows is left out of a search.
    changed = {"add_source_eos": False, "eos_token": read_json_table(config)["bos_token"]}
    config.write_text(json.dumps(read_json_table(config) | changed), encoding="utf-8")
    is_formula = any(isinstance(module, Sinusoidal) for module in network.modules())
    facts = {
        "vocabulary": network.decoder.vocabulary,
        "source_limit": network.encoder.limit,
        "limit": network.decoder.limit,
        "room": ct2.FARTHEST if is_formula else None,
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def write_model(model: LearnableSeq2Seq, folder: Path) -> str:
    """Writes the network and its vocabularies; the note of their check."""
    special, vocabularies = model.target.special_tokens, vocabularies_of(model)
    assert special.unknown is not None, "a translator's vocabulary has an unknown token"
    ids = ct2.Special(special.begin, special.end, special.unknown)
    ct2.write(model.network, vocabularies, ids, folder)
    deviation = ct2.difference(model.network.eval(), vocabularies, ids, folder)
    return agreement_note("CTranslate2", "log probabilities of 4 answers", deviation)


def translator_of(package: Package) -> LearnableSeq2Seq:
    """The model, if CTranslate2 can run it."""
    model, recipe = package.model, package.recipe
    translates = isinstance(model, LearnableSeq2Seq) and not model.preprocessor.positions
    lacks = ct2.unfit(model.network) if translates else "models of translate"
    if not isinstance(model, LearnableSeq2Seq) or lacks:
        raise HeedfulError(
            f"CTranslate2 runs {lacks} alone, and not {package.folder} ({recipe.task}, {recipe.network.name})."
        )
    return model


def vocabularies_of(model: LearnableSeq2Seq) -> tuple[list[str], list[str]]:
    """The names of all ids of the source and of the target."""
    source, target = model.preprocessor.tokenizer, model.target
    special = tuple(f"{NAME_PREFIX}{name}" for name in SPECIALS) if source.shift or target.shift else SPECIALS
    table = model.network.embedding.get_parameter("table.weight")
    return vocabulary(source, special, len(table)), vocabulary(target, special, model.network.decoder.vocabulary)


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
