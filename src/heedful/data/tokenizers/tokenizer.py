"""Texts to ids and back: characters, space-separated symbols, BPE, unigram, or the user's own tokenizer.json.

The first four ids are the same wherever a vocabulary was learnt here: <pad>, <s>, </s>, <unk>. Such a text in the data
is text: it never becomes the id of that name. A published vocabulary has its own (`Marks`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from heedful.data.tokenizers.special_tokens import OWN, Marks
from heedful.errors import HeedfulError, unknown

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
KINDS = ("characters", "symbols", "bpe", "unigram")
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
SMALLEST = len(SPECIALS) + len(BYTES)
CLOSED = 300
PIECES = '{"sentencepiece"'
"""How a file begins that holds a model of sentencepiece."""


class Tokenizer:
    """A vocabulary with the two ways through it, encode and decode; neither adds <s> or </s>.

    A user's own tokenizer keeps its ids beneath ours: they are moved up by four where it has other first four. With
    `marks`, those of a network that was trained elsewhere, ids stay what they are.
    """

    def __init__(self, inner: tokenizers.Tokenizer, kind: str, marks: Marks | None = None) -> None:
        inner.encode_special_tokens = True
        inner.no_padding()
        inner.no_truncation()
        self.inner, self.kind = inner, kind
        self.marks = marks or OWN
        self.own = marks is None
        ours = tuple(inner.id_to_token(i) for i in range(len(SPECIALS))) == SPECIALS
        self.shift = 0 if ours or marks else len(SPECIALS)
        # Another's ids may have gaps, so that the highest counts, not their number.
        self.size = max(inner.get_vocab().values()) + 1 + self.shift
        self.unk = self.marks.unknown if ours or marks else unknown_id(inner)
        self.gap = self.size if self.marks.gap is None else self.marks.gap
        # what is not known here is shown as such
        self.silent = {*self.marks.silent} - ({UNK} if self.own and self.unk is not None else set())
        self.suffix = "" if self.own else getattr(inner.model, "end_of_word_suffix", None)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text; on all processor threads, so prefer it to many calls of `encode`."""
        found = [encoding.ids for encoding in self.inner.encode_batch_fast(list(texts), add_special_tokens=False)]
        return [[self.ours(i) for i in ids] for ids in found] if self.shift else found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids: what was encoded, exactly, if nothing in it was unknown. <pad>, <s>, </s> are left out."""
        text = self.inner.decode([self.theirs(i) for i in map(int, ids) if i not in self.silent])
        return text.replace(self.suffix, " ").strip() if self.suffix else text

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each id as people are shown it: a space is written ▁, a part of a character as its bytes."""
        return [self.shown(int(i)) for i in ids]

    def unknown(self, text: str) -> list[str]:
        """The pieces of a text that have no entry, in order."""
        encoding = self.inner.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [text[low:high] for i, (low, high) in pairs if self.ours(i) == self.marks.unknown]

    def unknowns(self, ids: Sequence[int]) -> int:
        """How many of these ids stand for what has no entry."""
        return list(ids).count(self.marks.unknown)  # type: ignore[arg-type]

    def save(self, path: Path | str) -> None:
        """Writes the ecosystem's tokenizer.json, and beside it the marks of a published vocabulary."""
        Path(path).write_text(self.dump(), encoding="utf-8")
        if not self.own:
            marks_beside(path).write_text(json.dumps(self.marks.plain()), encoding="utf-8")

    def dump(self) -> str:
        """The tokenizer.json as text."""
        return self.inner.to_str(pretty=False)

    @classmethod
    def load(cls, path: Path | str) -> "Tokenizer":
        """Reads a tokenizer.json, ours or another's; raises HeedfulError if it is none."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HeedfulError(f"The tokenizer {path} cannot be read: {error}.") from None
        if text.startswith(PIECES):
            from heedful.data.tokenizers.sentencepiece import Pieces

            return Pieces.parse(json.loads(text))
        try:
            inner = tokenizers.Tokenizer.from_str(text)
        except Exception as error:
            # The library raises plain Exception.
            raise HeedfulError(f"{path} is not a tokenizer.json: {error}.") from None
        beside = marks_beside(path)
        marks = Marks.parse(json.loads(beside.read_text(encoding="utf-8"))) if beside.exists() else None
        return cls(inner, kind_of(json.loads(inner.to_str())), marks)

    def ours(self, theirs: int) -> int:
        """Our id for one of the inner tokenizer's."""
        if self.own and theirs == self.unk:
            return UNK
        return theirs + self.shift

    def theirs(self, ours: int) -> int:
        """The inner tokenizer's id for one of ours."""
        return self.unk if self.own and ours == UNK and self.unk is not None else ours - self.shift

    def shown(self, i: int) -> str:
        """One id as people are shown it."""
        if self.own and i < len(SPECIALS):
            return SPECIALS[i]
        token = self.inner.id_to_token(self.theirs(i)) or ""
        if i in self.marks.silent:
            return token
        text = self.inner.decode([self.theirs(i)]) or token
        if "\ufffd" in text:
            bytewise = isinstance(self.inner.decoder, decoders.ByteLevel)
            return "".join(BYTES[byte] for byte in byte_level(token)) if bytewise else token
        return text.replace(" ", "▁").replace("\n", "⏎")


def marks_beside(path: Path | str) -> Path:
    """Where the marks of a tokenizer's file are kept.

    >>> str(marks_beside("run/source.tokenizer.json"))
    'run/source.tokenizer.marks.json'
    """
    return Path(path).with_suffix(".marks.json")


def learn(kind: str, texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of the kind (characters, symbols, bpe, unigram, or the path of a tokenizer.json) from texts.

    `vocabulary` is the size of bpe and unigram; characters and symbols have an entry for each that occurs. The same
    texts give the same tokenizer. Raises HeedfulError for an unknown kind or too small a vocabulary.

    >>> tokenizer = learn("symbols", ["HH AH L OW", "L AH"], 0)
    >>> tokenizer.decode(tokenizer.encode("L OW"))
    'L OW'
    """
    if kind.endswith(".json"):
        return Tokenizer.load(kind)
    if kind not in KINDS:
        raise unknown("tokenizer", kind, [*KINDS, "a path ending in .json"])
    if kind in ("bpe", "unigram") and vocabulary <= SMALLEST:
        raise too_small(kind, vocabulary, f"the bytes and the special tokens alone are {SMALLEST}.")
    match kind:
        case "characters":
            inner = characters(texts)
        case "symbols":
            inner = symbols(texts)
        case "bpe":
            inner = bpe(texts, vocabulary)
        case _:
            inner = unigram(texts, vocabulary)
    return Tokenizer(inner, kind)


def too_small(kind: str, vocabulary: int, why: str) -> HeedfulError:
    """The error for a vocabulary without room for what must be in it."""
    return HeedfulError(
        f"A {kind} vocabulary of {vocabulary} is too small: {why}",
        "Ask for more, as data.vocabulary=8000, or take data.source_tokenizer=characters.",
    )


def choose(texts: Sequence[str]) -> tuple[str, str]:
    """The kind of tokenizer that suits these texts, and why.

    >>> choose(["HH AH L OW", "L OW", "HH OW L AH"])
    ('symbols', 'a closed set between spaces')
    >>> choose(["hello", "low"])
    ('characters', 'one word a line')
    """
    counts = Counter(chain.from_iterable(text.split() for text in texts))
    spaced = sum(len(text.split()) > 1 for text in texts)
    once = sum(number == 1 for number in counts.values())
    prose = any(len(symbol) > 1 and symbol[-1] in ".,!?" for symbol in counts)
    # What occurred once tells how likely the next symbol is a new one (Good-Turing): below 2 % the set is closed.
    if spaced and not prose and len(counts) <= CLOSED and once <= counts.total() / 50:
        return "symbols", "a closed set between spaces"
    if spaced <= len(texts) / 100 and sum(map(len, texts)) <= 30 * len(texts):
        return "characters", "one word a line"
    return "bpe", "sentences"


def characters(texts: Iterable[str]) -> tokenizers.Tokenizer:
    """An entry for each Unicode character; decoding joins them with nothing between."""
    seen: set[str] = set()
    for text in texts:
        seen.update(text)
    inner = words(seen)
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    return inner


def symbols(texts: Iterable[str]) -> tokenizers.Tokenizer:
    """An entry for each piece between white space; decoding joins them with one space.

    A symbol that is spelt like a special token is unknown: the look-up cannot tell the two apart.
    """
    splitter = pre_tokenizers.WhitespaceSplit()
    seen: set[str] = set()
    for text in texts:
        seen.update(piece for piece, _ in splitter.pre_tokenize_str(text))
    inner = words(seen)
    inner.normalizer = normalizers.Replace(Regex(r"(?<!\S)<(pad|s|/s)>(?!\S)"), SPECIALS[UNK])
    inner.pre_tokenizer = splitter
    return inner


def words(entries: set[str]) -> tokenizers.Tokenizer:
    """A plain table of entries in the order of their code points, after the special tokens."""
    listed = [*SPECIALS, *sorted(entries - set(SPECIALS))]
    table = {entry: i for i, entry in enumerate(listed)}
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
        raise too_small("unigram", vocabulary, f"{error}") from None
    pieces = json.loads(learner.to_str())["model"]["vocab"]
    entries = [(text, 0.0) for text in (*SPECIALS, *BYTES)] + settled(pieces)
    inner = tokenizers.Tokenizer(models.Unigram(entries, UNK, True))
    inner.pre_tokenizer = pre_tokenizers.Sequence(splitter)
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    inner.add_special_tokens(list(SPECIALS))
    return inner


def settled(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Learnt pieces in one order, with scores that are the same every time and survive the file.

    The library adds up in random order, which shows in the last digits, and gives characters too rare for a score of
    their own the lowest one plus a little by turns, also in random order.
    """
    lowest = min((score for _, score in pieces), default=0.0)
    rare = lowest + 1e-4 * sum(len(piece) == 1 for piece, _ in pieces)
    rounded = [(p, round(lowest if len(p) == 1 and score <= rare else score, 6)) for p, score in pieces]
    return sorted(rounded, key=lambda entry: (-entry[1], entry[0]))


def kind_of(file: dict[str, Any]) -> str:
    """The kind of a tokenizer.json, told by its parts; another's is called by its model."""
    model, splitter = str(file["model"]["type"]), (file["pre_tokenizer"] or {}).get("type", "")
    if model == "WordLevel" and splitter in ("Split", "WhitespaceSplit"):
        return "characters" if splitter == "Split" else "symbols"
    return model.lower()


def unknown_id(inner: tokenizers.Tokenizer) -> int | None:
    """The id that another's tokenizer gives to what it does not know, if it has one."""
    model = json.loads(inner.to_str())["model"]
    return inner.token_to_id(model["unk_token"]) if model.get("unk_token") else model.get("unk_id")


def byte_level(token: str) -> bytes:
    """The bytes that a token of byte-level BPE stands for."""
    printable = chain(range(0x21, 0x7F), range(0xA1, 0xAD), range(0xAE, 0x100))
    table = {chr(byte): byte for byte in printable}
    rest = (byte for byte in range(256) if chr(byte) not in table)
    table |= {chr(256 + place): byte for place, byte in enumerate(rest)}
    return bytes(table[character] for character in token)
