"""Published translators: opened, and written as their family writes them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import EOS, PAD, SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.from_hub import close_settings, search_settings, suppressed_tokens, tokenizer
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.recipes import change
from heedful.tasks.seq2seq_learning import POSITIONS, LearnableSeq2Seq, with_network, writing_limits
from heedful.tasks.to_hub import SPECIAL_IDS, generation_config, publish_trained, republish
from heedful.tasks.tokenizer_files import export_tokenizer, pieces_of


def from_hub(published: Published, where: str) -> LearnableSeq2Seq:
    """The model of a folder in the Hugging Face format."""
    plan, words = published.plan, published.words
    source, target = pieces(published, words) if isinstance(words, hub.Pieces) else tokenizer_pair(published, where)
    network: Any = hub.network(published)
    scores = "symbols" if target.kind == "symbols" else "text"
    longest = int(published.generation_config.get("max_length") or plan.facts["longest"]) - 1
    encoder, decoder = plan.sides["encoder"], plan.sides["decoder"]
    settings = replace(decoder, depth=encoder.depth, decoder_depth=decoder.depth)
    return with_network(network, settings, Preprocessor(source), target, False, scores, 0.0, longest, plan=plan)


def hub_recipe(recipe: Recipe, published: Published, model: LearnableSeq2Seq) -> Recipe:
    """The recipe with how a published translator is asked where the request does not say."""
    changed = change(recipe, search_settings(published) | close_settings(published))
    return replace(changed, network=model.settings)


def to_hub(model: LearnableSeq2Seq, recipe: Recipe, notes: list[str]) -> Published:
    """The model as Marian publishes one; raises HeedfulError where the layout has no place for it."""
    limits = writing_limits(model, recipe.generate)
    files = generation_config(model.target.special_tokens, recipe.generate, limits)
    if model.plan:
        published = replace(republish(model.plan, recipe.task, model.network), copied_files=files)
        if isinstance(model.target, SentencePieceTokenizer):
            return replace(published, words=pieces_of(model.preprocessor.coder, model.target))
    else:
        sizes = {"vocabulary": model.preprocessor.tokenizer.size, "target": model.target.size, "shared": model.shared}
        facts = sizes | {"longest": POSITIONS, "pad": PAD, "eos": EOS, "decoder_start": 1}
        published = publish_trained("marian", model.settings, facts, model.network)
        published = replace(published, plan=replace(published.plan, config=SPECIAL_IDS), copied_files=files)
    published = replace(published, words=export_tokenizer(model.preprocessor.tokenizer, [], ["</s>"]))
    if published.plan.facts["shared"]:
        return published
    notes.append('tokenizers: AutoTokenizer.from_pretrained("FOLDER"), and with subfolder="target"')
    return replace(published, target_words=export_tokenizer(model.target, [], ["</s>"]))


def tokenizer_pair(published: Published, where: str) -> tuple[Tokenizer, Tokenizer]:
    """What a translator of our own reads and writes with, as its export has it."""
    source = tokenizer(published, where)
    if not published.target_words:
        return source, source
    return source, tokenizer(replace(published, words=published.target_words), where)


def pieces(published: Published, words: hub.Pieces) -> tuple[SentencePieceTokenizer, SentencePieceTokenizer]:
    """What Marian's read and write with."""
    end, generation = words.source_ids[words.special["end"]], published.generation_config
    ids = {"end": words.target_ids[words.special["end"]], "begin": words.id("pad")} | hub.ids(published)
    source = SentencePieceTokenizer(
        words.source, words.source_ids, special_tokens_of_pieces(words, words.source_ids, end, end)
    )
    special = special_tokens_of_pieces(words, words.target_ids, ids["begin"], ids["end"], generation)
    return source, SentencePieceTokenizer(words.target, words.target_ids, special)


def special_tokens_of_pieces(
    words: hub.Pieces, numbers: Mapping[str, int], begin: int, end: int, generation: Mapping[str, Any] | None = None
) -> SpecialTokens:
    """The same for one side of Marian."""
    special = {numbers[token] for token in words.special.values() if token in numbers}
    return SpecialTokens(
        begin=begin,
        end=end,
        unknown=numbers[words.special["unknown"]],
        pad=numbers.get(words.special["pad"]),
        after=(end,),
        suppressed=suppressed_tokens(generation or {}),
        skipped=tuple(sorted(special | {begin, end})),
        first=0,
    )
