"""How a trained network fills the gaps of a text.

N rows   S positions   D width   V vocabulary   G gaps
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from heedful.data import batching
from heedful.data.batch import padded
from heedful.data.normal_form import normalize_text
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.hub import Plan
from heedful.networks.joins import MaskedLanguageModel
from heedful.results import Answer, Example, Track
from heedful.schema import GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks import language as passages
from heedful.tasks.fill.masks import GAP, LEAST, Gapped, Gaps, asked, ends_inside, gapped, joined

SHOWN, PROMPTS, AROUND = 8, 100, 40  # texts and gaps to show what a model does, and the characters beside each


@dataclass(frozen=True)
class Guesser:
    """A network with what it takes to read texts with gaps.

    A gap is read as the tokenizer's mark for it. `window` tokens are read at once, as in training; `ends`:
    it has learnt where documents end.
    """

    network: MaskedLanguageModel
    settings: NetworkSettings
    tokenizer: Tokenizer
    window: int
    ends: bool
    gaps: Gaps
    normal_form: NormalForm = "none"
    plan: Plan | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens that it can read at once."""
        return passages.limit_of(self.settings, self.window, writes=False)


def windows(model: Guesser, examples: Sequence[Example]) -> list[Gapped]:
    """The windows of documents with the gaps by which a model is scored: the same ones for every model, always."""
    some = passages.passages(examples, model.tokenizer, model.window, ahead=False, whole=model.ends)
    inside = ends_inside(model.tokenizer, model.gaps)
    made = (gapped(one.ids, model.tokenizer, model.gaps, inside) for one in some)
    return [one for one in made if len(one.truth)]


@torch.inference_mode()
def guesses(models: Sequence[Guesser], some: Sequence[Gapped], settings: GenerateSettings) -> list[np.ndarray]:
    """What each entry of the vocabulary gets at each gap: (G, V) for each text; several models give the mean."""
    found: list[np.ndarray] = [np.zeros(0)] * len(some)
    device = next(models[0].network.parameters()).device
    lengths = np.array([len(one.ids) for one in some])
    for rows in batching.order_for_inference(lengths, settings.batch_tokens) if len(some) else ():
        source, sizes = padded([some[row].ids for row in rows])
        marks, _ = padded([some[row].gaps for row in rows])
        shares = []
        for model in models:
            outputs = model.network.eval()(source.to(device), sizes.to(device))
            logits = model.network.logits(outputs[marks.bool().to(device)]).float()
            shares.append(logits.softmax(-1).cpu().double())
        mean = torch.stack(shares).mean(0).numpy()
        ends = np.cumsum([len(some[row].truth) for row in rows])
        for row, one in zip(rows, np.split(mean, ends[:-1]), strict=True):
            found[row] = one
    return found


def best(shares: np.ndarray, tokenizer: Tokenizer, most: int) -> np.ndarray:
    """The likeliest tokens (G, n) that can be said: none of those that only mark a place."""
    said = shares[:, : tokenizer.size].copy()
    said[:, [*tokenizer.special_tokens.skipped]] = -1
    return np.argsort(-said, axis=1, kind="stable")[:, :most]


def answer(models: Sequence[Guesser], sources: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
    """Each text with its gaps filled: the likeliest guess at each of them, then the next ones, n in all.

    An answer's track has the guesses and how likely each is. Raises HeedfulError for a text without a gap, or with
    more tokens than the network reads at once.
    """
    first = models[0]
    some = [asked(source, first.tokenizer, first.normal_form, first.ends) for source in sources]
    for source, one in zip(sources, some, strict=True):
        refuse_long(models, source, one)
    found = zip(sources, some, guesses(models, some, settings), strict=True)
    return [shown(first, source, one, shares, settings.n_best) for source, one, shares in found]


def refuse_long(models: Sequence[Guesser], source: str, one: Gapped) -> None:
    """Raises HeedfulError if a model cannot read so long a text at once."""
    limits = [model.limit for model in models if model.limit]
    if limits and len(one.ids) > min(limits):
        raise passages.too_long(source, len(one.ids), min(limits), "Shorten it around its gaps.")


def shown(model: Guesser, source: str, one: Gapped, shares: np.ndarray, most: int) -> list[Answer]:
    """A text with its gaps filled in n ways."""
    parts = [normalize_text(part, model.normal_form) for part in one.parts]
    answers, unknown = [], tuple(piece for part in parts for piece in model.tokenizer.unknown(part))
    for ids in best(shares, model.tokenizer, most).T:
        probabilities = shares[np.arange(len(ids)), ids]
        score = float(np.log(np.maximum(probabilities, LEAST)).sum())
        words = tuple(model.tokenizer.decode([token]).strip() or model.tokenizer.tokens([token])[0] for token in ids)
        track = Track(("probability",), words, tuple((float(share),) for share in probabilities))
        text = joined(model.tokenizer, one.parts, [model.tokenizer.decode([token]) for token in ids])
        answers.append(Answer(source, text, score, score / len(ids), words, unknown=unknown, track=track))
    return answers


def score(models: Sequence[Guesser], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (text with gaps, the same text filled); raises HeedfulError if they do not fit."""
    first = models[0]
    some = [asked(source, first.tokenizer, first.normal_form, first.ends) for source, _ in pairs]
    found = []
    for one, shares, (source, text) in zip(some, guesses(models, some, GenerateSettings()), pairs, strict=True):
        found.append(one.log_probability(shares, source, text, first.tokenizer))
    return found


def prompts(model: Guesser, texts: Sequence[str]) -> list[str]:
    """Texts with a gap, to show how a model fills it, short enough to be read by it and by people."""
    begun = [text for text in texts[:SHOWN] if GAP not in text]
    some = [one.text(model.tokenizer) for one in windows(model, [Example(text, ()) for text in begun])]
    around = AROUND if model.limit is None else min(AROUND, max(0, model.limit // 2 - 2))
    found = []
    for before, gap, behind in (text.partition(GAP) for text in (*texts, *some) if GAP in text):
        text = before[len(before) - min(around, len(before)) :] + gap + behind.partition(GAP)[0][:around]
        read = asked(text, model.tokenizer, model.normal_form, model.ends)
        if model.limit is None or len(read.ids) <= model.limit:
            found.append(text)
    return found[:PROMPTS]
