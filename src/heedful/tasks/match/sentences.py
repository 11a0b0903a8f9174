"""Texts alone in one space: a published encoder of texts as both towers of a matcher."""

from dataclasses import replace

from heedful import hub
from heedful.hub import Published
from heedful.hub.sentences import Sentences
from heedful.networks.encoders import TransformerEncoder
from heedful.networks.joins import EncoderAlone, SentenceEncoder
from heedful.tasks.from_hub import tokenizer, window_of
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.match.learnable import LearnableMatcher, matcher_of

UNTOLD = "no modules.json says how its vectors are pooled: the mean over tokens is taken"


def matcher_of_texts(published: Published, where: str) -> LearnableMatcher:
    """The matcher of texts that a published encoder is: what is looked for, and what it is looked for in."""
    side, inner, sentences = published.plan.sides["encoder"], hub.network(published), published.sentences or Sentences()
    assert isinstance(inner, EncoderAlone) and isinstance(inner.encoder, TransformerEncoder)
    words, window = tokenizer(published, where), window_of(published, side)
    inner.encoder.limit = min(window, sentences.limit or window)
    passages, queries = (Preprocessor(words, prompt=prompt) for prompt in (sentences.passage, sentences.query))
    model = matcher_of(SentenceEncoder(inner, sentences.pool).eval(), side, passages, queries, (), published.plan)
    return model if sentences.told else replace(model, note=f"{where}: {UNTOLD}")
