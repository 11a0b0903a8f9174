"""What is known of data before a network is chosen for them, and what is decided from it: plain records.

Facts come from the survey of a recipe's files (`prepare.survey`); what `auto` means is decided from them by whoever
calls (`Decisions`), since data know nothing of networks, budgets and machines.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from heedful.schema import DataSettings

Unit = Literal["symbols", "words", "sentences"]
"""What a text is made of: symbols of a closed set between spaces; one word; anything else."""


VOCABULARY_METHOD = 2
"""Vocabularies of texts that have classes get more entries than others; by method 1, which 0.1.0 had, as many."""
PICTURE_METHOD = 2
"""Few pictures that have classes are read smaller than others; by method 1, which 0.1.0 had, as large."""


@dataclass(frozen=True)
class TextFacts:
    """The texts that one tokenizer is for: those of one side of the training rows, or of both."""

    sides: tuple[str, ...]
    requested_kind: str
    """The kind of tokenizer that the recipe names, or "auto"."""
    unit: Unit
    characters: float
    """Of all training texts together; estimated where only a sample of them is in memory."""
    distinct: int
    """Different characters."""
    named: bool = False
    """Whether each of them has the name of a class."""


@dataclass(frozen=True)
class PictureFacts:
    """The first pictures, or the first frames of clips, by their headers."""

    sample_size: int
    median_side: float
    """Of the shorter sides, in pixels."""
    all_gray: bool
    all_square: bool
    few_named: bool = False
    """Whether there are few in all, each with the name of a class."""


@dataclass(frozen=True)
class SideFacts:
    """One side of the training rows: its kind, and how long it is.

    Lengths are in characters for texts, in steps for clips and their labels, 1 for a picture and the name of a class.
    """

    kind: str
    median_length: int
    long_length: int
    """One row in a hundred is longer."""
    classes: int = 0
    """Different names or labels, where the side has such."""


@dataclass(frozen=True)
class DataFacts:
    """What the survey of a recipe's data found. `texts` has an entry for each tokenizer that is to be learnt."""

    rows: int
    """To learn from."""
    valid: int
    test: int
    source: SideFacts
    target: SideFacts
    texts: tuple[TextFacts, ...] = ()


@dataclass(frozen=True)
class PictureSettings:
    """How large pictures are read, in pixels a side, and in which colours."""

    size: int
    colours: Literal["rgb", "gray"]


@dataclass(frozen=True)
class TokenizerSettings:
    """The kind of a tokenizer (or the path of a tokenizer.json), its entries if it is bpe or unigram, and why; whether
    it reads texts in lower case.
    """

    kind: str
    vocabulary: int
    why: str
    lowercase: bool = False


@dataclass(frozen=True)
class SplitFacts:
    """What there is to hold some of out: rows, and what they hang together in and hold."""

    rows: int
    groups: int
    """What stays together, by source or data.group; as many as rows where nothing repeats."""
    examples: int
    """What is scored one by one: rows, or steps of clips, or windows of documents."""


class Decisions(Protocol):
    """Who decides what `auto` means in the recipe's data section, each time from facts; a module may be it."""

    def picture_settings(self, facts: PictureFacts, data: DataSettings) -> PictureSettings:
        """Size and colours of pictures."""
        ...

    def held_out_examples(self, facts: SplitFacts) -> int:
        """How many examples are held out where neither a file to choose by nor a number is named."""
        ...

    def held_out_part(self, examples: int, part: float) -> float:
        """Which part of a single row of so many examples is held out, where it is `part` of a long one."""
        ...

    def tokenizer_settings(self, facts: TextFacts, data: DataSettings) -> TokenizerSettings:
        """The tokenizer for these texts."""
        ...
