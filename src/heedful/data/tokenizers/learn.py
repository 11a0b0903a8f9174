"""Tokenizers learnt from texts: characters, space-separated symbols, byte-level BPE, unigram."""

import json
from collections.abc import Iterable

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.special_tokens import SPECIALS, UNK
from heedful.data.tokenizers.tokenizer import BYTES, Tokenizer
from heedful.errors import HeedfulError, unknown

KINDS = ("characters", "symbols", "bpe", "unigram")
SMALLEST = len(SPECIALS) + len(BYTES)


def learn(kind: str, texts: Iterable[str], vocabulary: int, lowercase: bool = False) -> Tokenizer:
    """A tokenizer of the kind (characters, symbols, bpe, unigram, or the path of a tokenizer.json) from texts.

    `vocabulary` is the size of bpe and unigram; characters and symbols have an entry for each that occurs. The same
    texts give the same tokenizer. `lowercase`: one of any kind that is learnt here, from texts in lower case, which
    reads all others so too. Raises HeedfulError for an unknown kind, too small a vocabulary, and a file to lower-case.

    >>> tokenizer = learn("symbols", ["HH AH L OW", "L AH"], 0)
    >>> tokenizer.decode(tokenizer.encode("L OW"))
    'L OW'
    >>> tokenizer = learn("characters", ["Low"], 0, lowercase=True)
    >>> tokenizer.decode(tokenizer.encode("LOW"))
    'low'
    """
    if kind.endswith(".json"):
        if lowercase:
            raise HeedfulError(
                f"data.lowercase is true, but the tokenizer {kind} is not learnt here, and stays as it is.",
                "Leave data.lowercase out, or data.source_tokenizer.",
            )
        return load_tokenizer(kind)
    if kind not in KINDS:
        raise unknown("tokenizer", kind, [*KINDS, "a path ending in .json"])
    if kind in ("bpe", "unigram") and vocabulary <= SMALLEST:
        raise size_error(kind, vocabulary, f"the bytes and the special tokens alone are {SMALLEST}.")
    lower = normalizers.Lowercase()
    texts = map(lower.normalize_str, texts) if lowercase else texts
    match kind:
        case "characters":
            inner = characters(texts)
        case "symbols":
            inner = symbols(texts)
        case "bpe":
            inner = bpe(texts, vocabulary)
        case _:
            inner = unigram(texts, vocabulary)
    if lowercase:
        inner.normalizer = normalizers.Sequence([lower, inner.normalizer]) if inner.normalizer else lower
    return Tokenizer(inner, kind)


def size_error(kind: str, vocabulary: int, why: str) -> HeedfulError:
    """The error for a vocabulary without room for what must be in it."""
    return HeedfulError(
        f"A {kind} vocabulary of {vocabulary} is too small: {why}",
        "Set a larger one, such as data.vocabulary=8000, or use data.source_tokenizer=characters.",
    )


def characters(texts: Iterable[str]) -> tokenizers.Tokenizer:
    """An entry for each Unicode character; decoding joins them with nothing between."""
    entries: set[str] = set()
    for text in texts:
        entries.update(text)
    inner = words(entries)
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    return inner


def symbols(texts: Iterable[str]) -> tokenizers.Tokenizer:
    """An entry for each piece between white space; decoding joins them with one space.

    A symbol that is spelt like a special token is unknown: the look-up cannot tell the two apart.
    """
    splitter = pre_tokenizers.WhitespaceSplit()
    entries: set[str] = set()
    for text in texts:
        entries.update(piece for piece, _ in splitter.pre_tokenize_str(text))
    inner = words(entries)
    inner.normalizer = normalizers.Replace(Regex(r"(?<!\S)<(pad|s|/s)>(?!\S)"), SPECIALS[UNK])
    inner.pre_tokenizer = splitter
    return inner


def words(entries: set[str]) -> tokenizers.Tokenizer:
    """A plain table of entries in the order of their code points, after the special tokens."""
    all_entries = [*SPECIALS, *sorted(entries - set(SPECIALS))]
    table = {entry: i for i, entry in enumerate(all_entries)}
    inner = tokenizers.Tokenizer(models.WordLevel(table, unk_token=SPECIALS[UNK]))
    # <unk> stays a plain entry, so that decoding shows it instead of dropping it.
    inner.add_special_tokens(list(SPECIALS[:UNK]))
    return inner


def bpe(texts: Iterable[str], vocabulary: int) -> tokenizers.Tokenizer:
    """Byte-level BPE (Sennrich 2016; GPT-2's bytes): every text has ids, and comes back exactly."""
    inner = tokenizers.Tokenizer(models.BPE())
    # Its rule parts letters from signs, so that no merge can ever spell a special token.
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    return inner


def unigram(texts: Iterable[str], vocabulary: int) -> tokenizers.Tokenizer:
    """Unigram (Kudo 2018); characters that were never seen become bytes, and every text comes back exactly."""
    learner = tokenizers.Tokenizer(models.Unigram())
    # A word keeps the space before it. "<" stands alone, so that no piece of text can spell <pad> or <0x0A>.
    splitter = [pre_tokenizers.Split("<", "isolated"), pre_tokenizers.Split(" ", "merged_with_next")]
    learner.pre_tokenizer = pre_tokenizers.Sequence(splitter)
    trainer = trainers.UnigramTrainer(vocab_size=vocabulary - SMALLEST, special_tokens=[], show_progress=False)
    try:
        learner.train_from_iterator(texts, trainer)
    except Exception as error:
        # A plain Exception of the library: "The vocabulary is not large enough to contain all chars".
        raise size_error("unigram", vocabulary, f"{error}") from None
    pieces = json.loads(learner.to_str())["model"]["vocab"]
    entries = [(text, 0.0) for text in (*SPECIALS, *BYTES)] + sort_pieces(pieces)
    inner = tokenizers.Tokenizer(models.Unigram(entries, UNK, True))
    inner.pre_tokenizer = pre_tokenizers.Sequence(splitter)
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    inner.add_special_tokens(list(SPECIALS))
    return inner


def sort_pieces(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Learnt pieces in one order, with scores that are the same every time and survive the file.

    The library adds up in random order, which shows in the last digits, and gives characters too rare for a score of
    their own the lowest one plus a little by turns, also in random order.
    """
    lowest = min((score for _, score in pieces), default=0.0)
    rare_limit = lowest + 1e-4 * sum(len(piece) == 1 for piece, _ in pieces)
    rounded_pieces = [(p, round(lowest if len(p) == 1 and score <= rare_limit else score, 6)) for p, score in pieces]
    return sorted(rounded_pieces, key=lambda entry: (-entry[1], entry[0]))
