"""A translator for CTranslate2."""

from collections.abc import Sequence
from pathlib import Path

from heedful.api.export import agreed
from heedful.api.model import Model
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SPECIALS
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines import ct2
from heedful.errors import HeedfulError
from heedful.tasks import task

__all__ = ["require", "write"]
require = ct2.require

OWN = "heedful:"
"""Before names of entries that are not the tokenizer's."""


def write(model: Model, folder: Path) -> tuple[dict[str, str], list[str]]:
    """Writes the model and its tokenizers, and checks it; raises HeedfulError for what CTranslate2 has no place for."""
    author = model.trained[0]
    lacks = ct2.unfit(author.network) if model.task == "translate" else "models of translate"
    if lacks:
        raise HeedfulError(
            f"CTranslate2 runs {lacks} alone, and not {model.folder} ({model.task}, {model.recipe.network.name}).",
            f"ONNX takes it: heedful export {model.folder} --to onnx",
        )
    sides, network, marks = (author.reading.tokenizer, author.target), author.network, author.target.special_tokens
    special = SPECIALS if not any(side.shift for side in sides) else tuple(f"{OWN}{name}" for name in SPECIALS)
    counts = network.embedding.table.num_embeddings, network.decoder.vocabulary
    vocabularies = vocabulary(sides[0], special, counts[0]), vocabulary(sides[1], special, counts[1])
    ids = ct2.Special(marks.begin, marks.end, marks.unknown)
    ct2.write(network, vocabularies, ids, folder)
    task(model.task).save(author, folder)
    network.eval()
    notes = [
        agreed("CTranslate2", "log probabilities of 4 answers", ct2.difference(network, vocabularies, ids, folder))
    ]
    if network.encoder.limit is None:
        notes.append(f"positions: the first {ct2.FARTHEST:,}, as the format holds a table of them and no formula")
    use = 'use: ctranslate2.Translator("FOLDER"), as docs/export.md shows'
    return {"model.bin": "weights"}, [*notes, use]


def vocabulary(tokenizer: Tokenizer, special: Sequence[str], count: int) -> list[str]:
    """The name of each of so many ids. What no text becomes has a name that is no token of the tokenizer."""
    if isinstance(tokenizer, SentencePieceTokenizer):
        return [tokenizer.names.get(number, f"{OWN}{number}") for number in range(count)]
    names = list(special)
    for number in range(len(special), count):
        theirs = tokenizer.theirs(number)
        token = None if theirs == tokenizer.unk else tokenizer.inner.id_to_token(theirs)
        names.append(token if token is not None else f"{OWN}{number}")
    return names
