"""The tokenizers of a recipe: facts of the texts that they are for, and how each is learnt once it is decided."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, islice

from heedful.data.corpus import Corpus
from heedful.data.facts import TextFacts, TokenizerSettings, Unit
from heedful.data.tokenizers.learn import learn
from heedful.data.tokenizers.special_tokens import SPECIALS
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

SAMPLE_SIZE = 20_000  # texts by which their unit is judged
CLOSED = 300  # symbols that a closed set may have


def text_facts(corpus: Corpus, sides: tuple[str, ...], requested_kind: str) -> TextFacts:
    """What the training texts of these sides are, for which the recipe asks that kind of tokenizer."""
    unit = unit_of(list(islice(corpus.texts(sides, False), SAMPLE_SIZE)))
    characters = sum(len(text) for text in corpus.texts(sides, False)) * corpus.rows / max(1, len(corpus.sample))
    return TextFacts(sides, requested_kind, unit, characters, len(set().union(*corpus.texts(sides, False))))


def unit_of(texts: Sequence[str]) -> Unit:
    """What these texts are made of.

    >>> unit_of(["HH AH L OW", "L OW", "HH OW L AH"]), unit_of(["hello", "low"]), unit_of(["Hello there."])
    ('symbols', 'words', 'sentences')
    """
    counts = Counter(chain.from_iterable(text.split() for text in texts))
    spaced_count = sum(len(text.split()) > 1 for text in texts)
    singletons = sum(number == 1 for number in counts.values())
    has_prose = any(len(symbol) > 1 and symbol[-1] in ".,!?" for symbol in counts)
    # What occurred once tells how likely the next symbol is a new one (Good-Turing): below 2 % the set is closed.
    if spaced_count and not has_prose and len(counts) <= CLOSED and singletons <= counts.total() / 50:
        return "symbols"
    if spaced_count <= len(texts) / 100 and sum(map(len, texts)) <= 30 * len(texts):
        return "words"
    return "sentences"


def common_kind(data: DataSettings, problem: str, cure: str) -> str:
    """The one kind of tokenizer that both keys of the recipe allow.

    Raises HeedfulError if they differ; `problem` has a place for their names.
    """
    kinds = sorted({data.source_tokenizer, data.target_tokenizer} - {"auto"})
    if len(kinds) > 1:
        raise HeedfulError(problem.format(" and ".join(kinds)), cure)
    return kinds[0] if kinds else "auto"


def learn_tokenizer(
    sides: tuple[str, ...], settings: TokenizerSettings, corpus: Corpus, note: Callable[[str], None]
) -> Tokenizer:
    """The tokenizer of these sides, and a note of what it is and why."""
    name, kind, why = " and ".join(sides), settings.kind, settings.why
    if kind.endswith(".json"):
        tokenizer = learn(kind, (), 0, settings.lowercase)
        note(f"{name}: {tokenizer.size:,} entries of {kind}")
        return tokenizer
    subword = kind in ("bpe", "unigram")
    tokenizer = learn(kind, corpus.texts(sides, not subword), settings.vocabulary, settings.lowercase)
    case = ", in lower case" if settings.lowercase else ""
    texts = f"the training side{case} ({why})"
    if subword:
        title = "BPE" if kind == "bpe" else "unigram"
        is_sampled = len(corpus.sample) < corpus.rows
        sample = f"{len(corpus.sample):,} of {corpus.rows:,} training pairs, drawn by seed {corpus.seed}{case} ({why})"
        note(f"{name}: {title} {tokenizer.size:,} learnt from {sample if is_sampled else texts}")
    else:
        note(f"{name}: {tokenizer.size - len(SPECIALS):,} {kind} of {texts}")
    return tokenizer


def keep_pretrained(
    tokenizer: Tokenizer, sides: tuple[str, ...], data: DataSettings, note: Callable[[str], None]
) -> None:
    """Says that the tokenizer of the weights one starts from stays; raises HeedfulError if the recipe wants another."""
    kept = {f"{side}_tokenizer": tokenizer.kind for side in sides}
    for key, value in (kept | {"vocabulary": tokenizer.size, "lowercase": False}).items():
        if getattr(data, key) not in ("auto", value):
            raise HeedfulError(
                f"data.{key} is {getattr(data, key)!r}, but the weights to start from have a tokenizer of their own.",
                f"Leave data.{key} out.",
            )
    note(f"{sides[0]}: the {tokenizer.size:,} tokens of the pretrained weights")
