"""A folder in the Hugging Face format as what a task calls a trained network, with all that it takes to ask it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import tokenizers

from heedful import hub
from heedful.blocks.vision import Pixels
from heedful.data.pictures.read import Form
from heedful.data.pictures.resizing import Resizing
from heedful.data.steps.forms import StepForm
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer, kind_of
from heedful.errors import HeedfulError
from heedful.hub import Plan, Published
from heedful.networks.lineage import picture_positions
from heedful.recipe import Recipe
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, parse_settings
from heedful.tasks.classify.task import Classifier
from heedful.tasks.complete.ask import Continuer
from heedful.tasks.complete.task import SAMPLED
from heedful.tasks.fill.ask import Guesser
from heedful.tasks.fill.masks import Gaps
from heedful.tasks.inputs import Reading
from heedful.tasks.label.task import Labeller, of_words
from heedful.tasks.match.task import Matcher
from heedful.tasks.pretrained import Given
from heedful.tasks.recipes import build
from heedful.tasks.seq2seq import Author

LONGEST = 64  # tokens of a caption, where the files do not say
SEARCHED = {"num_beams": "beam", "length_penalty": "length_penalty", "no_repeat_ngram_size": "no_repeat_ngram"}
"""What generation_config.json says of the search, by our keys."""
FINISH = {False: "likely", True: "full", "never": "sure"}
"""What it calls early_stopping, which is false where it is left out."""


def trained(published: Published, where: str) -> tuple[Recipe, Any]:
    """What is asked with published weights: a recipe that says how, and the trained network of its task.

    Raises HeedfulError for weights that only read, and where there is no tokenizer.
    """
    if not published.tasks:
        raise HeedfulError(
            f"{where} ({published.plan.architecture}) gives vectors, and answers nothing by itself.",
            "It can be the beginning of a network that does.",
        )
    task = published.tasks[0]
    model = MAKERS[task](published, where)
    made = recipe(task, published, model.settings)
    return made, model


def beginning(published: Published, where: str) -> tuple[NetworkSettings, Given]:
    """The settings of weights that only read, and what goes with them."""
    plan = published.plan
    side = next(iter(plan.sides.values()))
    words = tokenizer(published, where) if published.words else None
    given = eyes(published, side).given() if published.pictures else Given(words=words)
    return side, replace(given, written=words if "decoder" in plan.sides else None, plan=plan)


def recipe(task: str, published: Published, settings: NetworkSettings) -> Recipe:
    """How a published model is asked where the request does not say."""
    search = searched(task, published) if task in ("translate", "caption", "complete") else {}
    changes = {f"generate.{key}": value for key, value in search.items()}
    made = build(task, changes)
    window = window_of(published, settings) if task in ("complete", "fill") else made.data.window
    data = parse_settings(DataSettings, asdict(made.data) | {"window": window})
    return replace(made, network=settings, data=data)


def searched(task: str, published: Published) -> dict[str, Any]:
    """How answers are searched for, by the files.

    Raises HeedfulError for a way to stop, or a token to close with, that nothing here stands for.
    """
    told, end = published.told, hub.ids(published).get("end")
    stopping, last = told.get("early_stopping") or False, told.get("forced_eos_token_id")
    if not isinstance(stopping, bool | str) or stopping not in FINISH:
        raise HeedfulError(f"early_stopping is {stopping!r} in the files.", 'It may be true, false or "never".')
    found: dict[str, Any] = {"finish": FINISH[stopping], "renormalize": bool(told.get("renormalize_logits")), "beam": 1}
    found |= {ours: told[key] for key, ours in SEARCHED.items() if told.get(key) is not None}
    if task == "complete":
        return found | SAMPLED
    if last not in (None, end, [end]):
        raise HeedfulError(f"forced_eos_token_id is {last!r} in the files.", f"Answers here end with {end} alone.")
    return found | {"close": last is not None}


def described(search: GenerateSettings, end: int) -> dict[str, Any]:
    """The other way round: what generation_config.json says of a search, beside its beams, if it is not usual."""
    plain = GenerateSettings()
    keys = {theirs: ours for theirs, ours in SEARCHED.items() if ours != "beam"}
    table = {one: getattr(search, ours) for one, ours in keys.items() if getattr(search, ours) != getattr(plain, ours)}
    stopping = next((one for one, ours in FINISH.items() if ours == search.finish), False)
    table |= {"early_stopping": stopping} if stopping else {}
    table |= {"renormalize_logits": True} if search.renormalize else {}
    return table | ({"forced_eos_token_id": end} if search.close else {})


def continuer(published: Published, where: str) -> Continuer:
    """What completes."""
    side = published.plan.sides["decoder"]
    network: Any = hub.network(published)
    words = tokenizer(published, where)
    ends = words.special_tokens.end not in words.special_tokens.suppressed
    return Continuer(network, side, words, window_of(published, side), ends, plan=published.plan)


def guesser(published: Published, where: str) -> Guesser:
    """What fills gaps."""
    side, words = published.plan.sides["encoder"], tokenizer(published, where)
    if words.special_tokens.mask is None:
        raise HeedfulError(f"The tokenizer in {where} has no token that stands for a gap (mask_token).")
    network: Any = hub.network(published)
    gaps, ends = Gaps(0.15, False, words.special_tokens), bool(words.special_tokens.before)
    return Guesser(network, side, words, window_of(published, side), ends, gaps, plan=published.plan)


def window_of(published: Published, side: NetworkSettings) -> int:
    """The tokens that a network reads at once: all its positions, unless the tokenizer says that fewer were learnt."""
    limit = published.words.limit if published.words else None
    return min(int(side.context), limit or int(side.context))


def classifier(published: Published, where: str) -> Classifier:
    """What tells classes, of pictures or of texts."""
    plan, side = published.plan, published.plan.sides["encoder"]
    read = eyes(published, side) if published.pictures else Reading(tokenizer(published, where))
    network: Any = hub.network(published)
    return Classifier(network, side, read, distinct(plan.facts["names"]), plan)


def labeller(published: Published, where: str) -> Labeller:
    """What labels words."""
    plan, side = published.plan, published.plan.sides["encoder"]
    step_form = StepForm("tokens", vocabulary=SubwordVocabulary(tokenizer(published, where)))
    network: Any = hub.network(published)
    return of_words(network, side, step_form, distinct(plan.facts["names"]), 0, plan)


def matcher(published: Published, where: str) -> Matcher:
    """What matches pictures and texts."""
    side = published.plan.sides["picture"]
    network: Any = hub.network(published)
    words = Reading(tokenizer(published, where))
    return Matcher(network, side, eyes(published, side), words, (), published.plan)


def translator(published: Published, where: str) -> Author:
    """What translates."""
    plan, words = published.plan, published.words
    read, write = pieces(published, words) if isinstance(words, hub.Pieces) else both(published, where)
    network: Any = hub.network(published)
    scores = "symbols" if write.kind == "symbols" else "text"
    longest = int(published.told.get("max_length") or plan.facts["longest"]) - 1
    return Author(network, plan.sides["decoder"], Reading(read), write, False, scores, 0.0, longest, plan=plan)


def captioner(published: Published, where: str) -> Author:
    """What says what is in a picture."""
    plan, words = published.plan, tokenizer(published, where)
    network: Any = hub.network(published)
    longest = int(published.told.get("max_length") or LONGEST + 1) - 1
    read = eyes(published, plan.sides["encoder"])
    return Author(network, plan.sides["decoder"], read, words, False, "captions", 0.0, longest, plan=plan)


MAKERS = {
    "complete": continuer,
    "fill": guesser,
    "classify": classifier,
    "label": labeller,
    "match": matcher,
    "translate": translator,
    "caption": captioner,
}


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names of classes as an answer tells them: of ImageNet's, two are cranes, and only their numbers tell which.

    >>> distinct(["crane", "cat", "crane"])
    ('crane (0)', 'cat', 'crane (2)')
    """
    twice = {name for name, times in Counter(names).items() if times > 1}
    return tuple(f"{name} ({number})" if name in twice else name for number, name in enumerate(names))


def eyes(published: Published, side: NetworkSettings) -> Reading:
    """How pictures are read."""
    plan = published.plan
    return Reading(form(published), pixels(plan), picture_positions(side, int(plan.facts["size"])))


def pixels(plan: Plan) -> Pixels:
    """What a network's pictures are."""
    return plan.pixels(int(plan.facts["size"]))


def form(published: Published) -> Form:
    """How pictures are prepared."""
    made, size = published.pictures, int(published.plan.facts["size"])
    assert made is not None, "families that read pictures refuse folders without it"
    resizing = Resizing(made.shorter, made.sides, made.crop, made.resample)
    return Form(size, "gray" if len(made.mean) == 1 else "rgb", resizing=resizing)


def tokenizer(published: Published, where: str) -> Tokenizer:
    """The tokenizer, with marks from its files and from those that say how answers are written."""
    words = published.words
    if not isinstance(words, hub.Words):
        raise no_words(where)
    inner = tokenizers.Tokenizer.from_str(words.json)
    return Tokenizer(inner, kind_of(json.loads(inner.to_str())), marks(words, published, where))


def no_words(where: str) -> HeedfulError:
    """The error for a folder without a tokenizer."""
    return HeedfulError(
        f"{where} has no tokenizer, without which its weights mean nothing.",
        "Take the whole folder: tokenizer.json, or the files that a tokenizer is made of.",
    )


def marks(words: hub.Words, published: Published, where: str) -> SpecialTokens:
    """The ids that stand for no text."""
    roles = {role: number for role in words.special if (number := words.id(role)) is not None}
    told, spoken_ids = published.told, hub.ids(published)
    if "first" in roles and "between" in roles:
        begin, end = roles["first"], roles["between"]
    else:
        begin = spoken_ids.get("begin", roles.get("begin"))
        end = spoken_ids.get("end", roles.get("end"))
    if begin is None or end is None:
        raise HeedfulError(f"The tokenizer in {where} has no tokens for the beginning and the end of a text.")
    before, after = around(words)
    special = {number for number, one in words.inner.get_added_tokens_decoder().items() if one.special}
    unknown = roles.get("unknown")
    return SpecialTokens(
        begin=begin,
        end=end,
        unknown=None if unknown == end else unknown,
        pad=roles.get("pad"),
        mask=roles.get("mask"),
        before=before,
        after=after,
        suppressed=unsaid(told),
        skipped=tuple(sorted(special | set(roles.values()) | {begin, end})),
        first=0,
        prompted=bool(before),
    )


def around(words: hub.Words) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the tokenizer puts before and behind a text."""
    bare, whole = words.encode("a", special=False), words.encode("a")
    place = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
    return tuple(whole[:place]), tuple(whole[place + len(bare) :])


def unsaid(told: Mapping[str, Any]) -> tuple[int, ...]:
    """Tokens that the files forbid in answers, alone; the end is never forbidden."""
    ends = told.get("eos_token_id")
    alone = [one[0] for one in told.get("bad_words_ids") or () if len(one) == 1 and one not in ([ends], ends)]
    return tuple(dict.fromkeys([*alone, *(told.get("suppress_tokens") or ())]))


def both(published: Published, where: str) -> tuple[Tokenizer, Tokenizer]:
    """What a translator of our own reads and writes with, as its export has it."""
    read = tokenizer(published, where)
    return read, tokenizer(replace(published, words=published.written), where) if published.written else read


def pieces(published: Published, words: hub.Pieces) -> tuple[SentencePieceTokenizer, SentencePieceTokenizer]:
    """What Marian's read and write with."""
    end, told = words.first[words.special["end"]], published.told
    ids = {"end": words.second[words.special["end"]], "begin": words.id("pad")} | hub.ids(published)
    read = SentencePieceTokenizer(words.source, words.first, marks_of_pieces(words, words.first, end, end))
    marked = marks_of_pieces(words, words.second, ids["begin"], ids["end"], told)
    return read, SentencePieceTokenizer(words.target, words.second, marked)


def marks_of_pieces(
    words: hub.Pieces, numbers: Mapping[str, int], begin: int, end: int, told: Mapping[str, Any] | None = None
) -> SpecialTokens:
    """The same for one side of Marian."""
    special = {numbers[token] for token in words.special.values() if token in numbers}
    return SpecialTokens(
        begin=begin,
        end=end,
        unknown=numbers[words.special["unknown"]],
        pad=numbers.get(words.special["pad"]),
        after=(end,),
        suppressed=unsaid(told or {}),
        skipped=tuple(sorted(special | {begin, end})),
        first=0,
    )
