"""The two tokenizers of a recipe: which kind, how large, learnt from what."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from heedful.data.pairs.read import Pair
from heedful.data.tokenizers.tokenizer import SMALLEST, SPECIALS, Tokenizer, choose, learn
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

SIDES = ("source", "target")
CHOICE = 20_000


@dataclass(frozen=True)
class Corpus:
    """The training side: `rows` pairs, a bounded seeded sample of them in memory, and a way to read all of them."""

    sample: list[Pair]
    rows: int
    all: Callable[[], Iterator[Pair]]
    seed: int

    def texts(self, sides: tuple[str, ...], whole: bool) -> Iterable[str]:
        """The texts of these sides, of the sample or of all rows."""
        pairs = self.all() if whole and self.rows > len(self.sample) else self.sample
        return (getattr(pair, side) for pair in pairs for side in sides)


def learn_both(data: DataSettings, corpus: Corpus, note: Callable[[str], None]) -> tuple[Tokenizer, Tokenizer]:
    """The source's and the target's tokenizer (one and the same if shared), as the recipe says or the data suggests."""
    if not data.shared_tokenizer:
        source = learn_side(data.source_tokenizer, ("source",), data, corpus, note)
        return source, learn_side(data.target_tokenizer, ("target",), data, corpus, note)
    kinds = {kind for kind in (data.source_tokenizer, data.target_tokenizer) if kind != "auto"}
    if len(kinds) > 1:
        raise HeedfulError(
            f"One shared tokenizer cannot be both {' and '.join(sorted(kinds))}.",
            "Give one kind, or data.shared_tokenizer=false.",
        )
    shared = learn_side(kinds.pop() if kinds else "auto", SIDES, data, corpus, note)
    return shared, shared


def learn_side(
    kind: str, sides: tuple[str, ...], data: DataSettings, corpus: Corpus, note: Callable[[str], None]
) -> Tokenizer:
    """One tokenizer, and a note of what it is and why."""
    why = "as the recipe says"
    if kind == "auto":
        kind, why = choose([text for _, text in zip(range(CHOICE), corpus.texts(sides, False), strict=False)])
    name = " and ".join(sides)
    if kind.endswith(".json"):
        tokenizer = learn(kind, (), 0)
        note(f"{name}: {tokenizer.size:,} entries of {kind}")
        return tokenizer
    subword = kind in ("bpe", "unigram")
    size = size_for(sides, corpus) if data.vocabulary == "auto" else data.vocabulary
    tokenizer = learn(kind, corpus.texts(sides, not subword), size)
    if subword:
        kind, count = ("BPE" if kind == "bpe" else "unigram"), f"{tokenizer.size:,}"
        few = len(corpus.sample) < corpus.rows
        part = f"{len(corpus.sample):,} of {corpus.rows:,} training pairs, drawn by seed {corpus.seed}"
        note(f"{name}: {kind} {count} learnt from {part if few else 'the training side'} ({why})")
    else:
        note(f"{name}: {tokenizer.size - len(SPECIALS):,} {kind} of the training side ({why})")
    return tokenizer


def kept(tokenizer: Tokenizer, sides: tuple[str, ...], data: DataSettings, note: Callable[[str], None]) -> Tokenizer:
    """The tokenizer that goes with the weights one starts from; raises HeedfulError if the recipe wants another."""
    for key in (*(f"{side}_tokenizer" for side in sides), "vocabulary"):
        if getattr(data, key) not in ("auto", tokenizer.size if key == "vocabulary" else tokenizer.kind):
            raise HeedfulError(
                f"data.{key} is {getattr(data, key)!r}, but the weights to start from have a tokenizer of their own.",
                f"Leave data.{key} out.",
            )
    note(f"{sides[0]}: the {tokenizer.size:,} tokens of the weights that are the beginning")
    return tokenizer


def size_for(sides: tuple[str, ...], corpus: Corpus) -> int:
    """Vocabulary of bpe and unigram: 2,000 for 1.3 million characters, twice as many for four times the text.

    Between 500 and 32,000, a power of two times 500, with room for each character at least twice over. Words come new
    more and more slowly as a text grows, and few pairs teach little of rare pieces (docs/log.md).
    """
    seen = sum(len(text) for text in corpus.texts(sides, False))
    room = 2 * (SMALLEST + len(set().union(*corpus.texts(sides, False))))
    total = seen * corpus.rows / max(1, len(corpus.sample))
    size = 500
    while size < 32_000 and (total > size**2 * 2 / 3 or size < room):
        size *= 2
    return size
