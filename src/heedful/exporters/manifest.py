"""What one must know beside exported graphs: how sources are made, and what answers mean."""

from pathlib import Path
from typing import Any

from heedful.api.model import Model
from heedful.data.steps.subwords import PIECES, SubwordVocabulary
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.generation.rules import Special
from heedful.networks.joins import Drawing, EncoderHead, TwoTowers
from heedful.schema import GenerateSettings
from heedful.tasks import seq2seq as writing
from heedful.tasks.complete.ask import LONGEST, Continuer
from heedful.tasks.complete.ask import special as ending
from heedful.tasks.draw import codes
from heedful.tasks.draw import task as draw
from heedful.tasks.fill.ask import Guesser
from heedful.tasks.fill.masks import GAP, LEADING
from heedful.tasks.inputs import Reading
from heedful.tasks.label.task import Labeller


def about(model: Model, folder: Path) -> dict[str, Any]:
    """All of it for one model, whose tokenizers are in the folder."""
    trained = model.trained[0]
    network = trained.network
    if isinstance(trained, Continuer):
        return continuing(trained, folder, model.recipe.generate)
    if isinstance(trained, Guesser):
        return guessing(trained, folder)
    if isinstance(network, TwoTowers):
        sides = {"pictures": sourced(trained.pictures, folder), "texts": sourced(trained.words, folder)}
        return sides | {"scale": network.scale.exp().clamp(max=100).item()}
    if isinstance(trained, Labeller) and isinstance(trained.form.vocabulary, SubwordVocabulary):
        cut = whole(trained.form.vocabulary.tokenizer, folder) | {"pieces": PIECES}
        return {"source": cut, "names": list(trained.names)}
    if isinstance(trained, Labeller):
        return {"source": trained.form.plain(), "names": list(trained.names), "window": trained.window}
    source = {"source": sourced(trained.reading, folder)}
    if isinstance(network, EncoderHead):
        return source | {"names": list(trained.names)}
    if isinstance(network, Drawing):
        return source | specials(draw.SPECIAL) | {"first": codes.FIRST, "length": network.codebook.positions}
    target = {"target": spelling(trained.target, folder, "target"), "normal_form": trained.normal_form}
    return source | target | specials(writing.special(trained)) | longest(trained, model.recipe.generate)


def continuing(model: Continuer, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """How a text is gone on with: `prompted`, behind the token that begins; for `slack` tokens, if `limit` allows."""
    marks, fixed = model.tokenizer.special_tokens, settings.max_length
    told = {"target": spelling(model.tokenizer, folder, "target"), "normal_form": model.normal_form}
    told |= specials(ending(model)) | {"prompted": model.ends and marks.prompted}
    return told | {"slack": LONGEST if fixed == "auto" else fixed, "limit": model.limit}


def guessing(model: Guesser, folder: Path) -> dict[str, Any]:
    """How a text with gaps is read, and which entries of the vocabulary fill none.

    `leads`: the blank before a gap is the gap's own.
    """
    words = model.tokenizer
    marks, kinds = words.special_tokens, model.network.vocabulary
    around = {"before": [marks.begin], "after": [marks.end]} if model.ends else {"before": [], "after": []}
    source = spelling(words, folder, "source") | around
    gap = {"text": GAP, "token": words.mask, "leads": words.kind in LEADING}
    never = sorted({*marks.skipped, *range(words.size, kinds)})
    return {"source": source, "normal_form": model.normal_form, "gap": gap, "never": never, "limit": model.limit}


def longest(author: writing.Author, settings: GenerateSettings) -> dict[str, float | int | None]:
    """The most tokens of an answer: `stretch` for each position of the source and `slack`; never beyond `limit`."""
    fixed = settings.max_length
    grows = (author.stretch, author.slack) if fixed == "auto" else (0.0, fixed)
    return {"stretch": grows[0], "slack": grows[1], "limit": author.network.decoder.limit}


def sourced(read: Reading, folder: Path) -> dict[str, Any]:
    """How sources are read: pictures of which form, or texts by which tokenizer."""
    return read.form.plain() if read.positions else whole(read.tokenizer, folder)


def whole(tokenizer: Tokenizer, folder: Path) -> dict[str, Any]:
    """How a text is read whole: with the marks that stand before and after it."""
    marks = tokenizer.special_tokens
    return spelling(tokenizer, folder, "source") | {"before": list(marks.before), "after": list(marks.after)}


def spelling(tokenizer: Tokenizer, folder: Path, side: str) -> dict[str, Any]:
    """A tokenizer's file, and how its ids become the network's: the `unknown` one is 3, others are moved by `shift`.

    Those of a published vocabulary are the network's as they are; Marian's stand in a file of our own.
    """
    own = folder / f"{side}.tokenizer.json"
    name = own.name if own.exists() else "tokenizer.json"
    return {"tokenizer": name, "shift": tokenizer.shift, "unknown": tokenizer.unk if tokenizer.own else None}


def specials(special: Special) -> dict[str, Any]:
    """The token that begins an answer, the one that ends it, and those that are never chosen."""
    return {"begin": special.begin, "end": special.end, "never": list(special.never)}
