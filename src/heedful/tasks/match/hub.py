"""Published matchers of pictures and texts: opened, and written as their family writes them."""

from dataclasses import replace

import torch

from heedful import hub
from heedful.data.tokenizers.special_tokens import EOS, PAD
from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.networks.joins import SentenceEncoder, TwoTowers
from heedful.schema import Recipe
from heedful.tasks.from_hub import picture_preprocessor, tokenizer
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.match.learnable import LearnableMatcher, matcher_of
from heedful.tasks.match.sentences import matcher_of_texts
from heedful.tasks.to_hub import RESIZING_NOTE, picture_facts, publish_trained, republish
from heedful.tasks.tokenizer_files import export_tokenizer, swap_ids, words_of


def from_hub(published: Published, where: str) -> LearnableMatcher:
    """The model of a folder in the Hugging Face format."""
    if published.sentences:
        return matcher_of_texts(published, where)
    side, network = published.plan.sides["picture"], hub.network(published)
    assert isinstance(network, TwoTowers)
    words = Preprocessor(tokenizer(published, where))
    return matcher_of(network, side, picture_preprocessor(published, side), words, (), published.plan)


def to_hub(model: LearnableMatcher, recipe: Recipe, notes: list[str]) -> Published:
    """The model as CLIP is published; raises HeedfulError where the layout has no place for it.

    The end of a text gets the highest id, as 2 means something else in this layout.
    """
    words = model.words.tokenizer
    if isinstance(model.network, SentenceEncoder):
        raise HeedfulError("Vectors of texts are exported from the folder that they were opened from.")
    if model.plan:
        published = republish(model.plan, recipe.task, model.network, model.pictures.form)
        return replace(published, words=words_of(words))
    notes.append(RESIZING_NOTE)
    last, name = words.size - 1, "embeddings.1.table.weight"
    facts = picture_facts(model.pictures.pixels) | {"vocabulary": words.size, "end": last}
    published = publish_trained("clip", model.settings, facts, model.network, model.pictures.form)
    order = torch.arange(words.size)
    order[[EOS, last]] = order[[last, EOS]]
    special = {"bos_token_id": 1, "eos_token_id": last, "pad_token_id": PAD}
    plan = replace(published.plan, config={"text_config": special})
    weights = {**published.weights, name: published.weights[name][order].clone()}
    limit = model.network.encoder(1).limit
    written = export_tokenizer(words, [], ["</s>"], limit=limit, change=lambda file: swap_ids(file, EOS, last))
    return replace(published, plan=plan, weights=weights, words=written)
