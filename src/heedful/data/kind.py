"""What a kind of data has to say for itself: how its rows are read, checked and coded. `prepare.py` does the rest.

A row is a pair of texts: the source and the target themselves, or references to what they are (a picture, a clip).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from heedful.data.corpus import Corpus
from heedful.data.facts import PICTURE_METHOD, VOCABULARY_METHOD, Decisions, SideFacts, TextFacts, TokenizerSettings
from heedful.data.notes import BadRows, Notes
from heedful.data.pairs.read import Pair
from heedful.data.row_hashes import RowHashWriter
from heedful.data.split import METHOD, SAMPLE, Traits, group_by_source, one_a_row
from heedful.results import Example
from heedful.schema import DataSettings, Recipe

PreparedData = TypeVar("PreparedData")


@dataclass(frozen=True)
class Preparation:
    """What a preparation works with: the recipe, the folder that it writes, and where notes and bad rows go."""

    recipe: Recipe
    folder: Path
    note: Notes
    bad: BadRows
    decisions: Decisions
    hashes: RowHashWriter = field(default_factory=RowHashWriter)
    """What is kept of rows that are learnt from, to know them again."""
    split_method: int = METHOD
    """How rows are held out."""
    vocabulary_method: int = VOCABULARY_METHOD
    """How many entries a vocabulary gets."""
    picture_method: int = PICTURE_METHOD
    """How large pictures are read."""

    @property
    def data(self) -> DataSettings:
        """The recipe's data section."""
        return self.recipe.data


class DataKind(ABC, Generic[PreparedData]):
    """One kind of data. An instance serves one preparation: `begin`, then `read`, then `learn`, then `write`."""

    example: ClassVar[str]
    """A file of this kind, as on a command line."""
    has_names = False
    """Whether texts have names of classes."""
    has_named_pictures = False
    """Whether pictures have them, of a size that is decided by what there is."""
    rows_in_memory: ClassVar[int] = SAMPLE
    """If there are more, all rows are read a second time."""

    row: str
    """What a row is called: "pair"."""
    nothing: str
    """How an error begins that says that files hold no row."""
    merges_sources: bool = False
    """Whether rows of one source are one example, of which each target is right."""
    kinds: tuple[str, ...]
    """What the sides of a row are."""
    pretrained_coders: Sequence[object]
    """The coders of the weights that are the beginning, if there are any."""
    preparation: Preparation

    def fingerprint(self, data: DataSettings, form: int) -> dict[str, Any]:
        """What prepared data of this kind depend on beside the files, the recipe and what is given, in a format."""
        return {"kinds": list(self.kinds)}

    def about(self) -> dict[str, Any]:
        """What `open` has to know beside what `prepare` writes."""
        return {}

    def begin(self, preparation: Preparation) -> None:
        """Looks at the files, says what is unusual about them, decides how rows are read.

        Raises HeedfulError for files of another kind.
        """
        self.preparation = preparation

    def traits(self) -> Traits:
        """What of a row matters to the choice of those that are held out."""
        return Traits()

    @abstractmethod
    def read(self, files: Sequence[str], second_pass: bool = False) -> Iterator[Pair]:
        """The rows of files, in order; what cannot be used is counted and passed over, in silence if `second_pass`.

        Raises HeedfulError as the recipe's `bad_rows` says.
        """

    def end_reading(self) -> None:
        """Says what there is to be said once all files were read."""

    def cut_only_row(self, row: Pair) -> tuple[list[Pair], Pair] | None:
        """Where there is but one row: what of it is learnt from, and what is held out; None: it is not cut."""
        return None

    def cut_into(self, row: Pair, number: int) -> list[Pair]:
        """Where there is but one row: it in so many pieces, for folds; none: it is not cut."""
        return []

    @abstractmethod
    def describe_sides(self, corpus: Corpus) -> tuple[SideFacts, SideFacts]:
        """Facts of both sides of the training rows."""

    def texts_to_learn(self, corpus: Corpus) -> Iterable[TextFacts]:
        """Facts of the texts for which there is no tokenizer yet, an entry for each that is to be learnt."""
        return ()

    @abstractmethod
    def learn(self, corpus: Corpus, tokenizers: Sequence[TokenizerSettings]) -> None:
        """Learns what turns rows into numbers, from the training side alone."""

    @abstractmethod
    def write(self, corpus: Corpus) -> None:
        """Writes the training rows, and what turned them into numbers; each row goes to the preparation's `hashes`."""

    def examples(self, rows: Sequence[Pair]) -> list[Example]:
        """What is held out, as it is asked and scored."""
        return group_by_source(rows) if self.merges_sources else one_a_row(rows)

    @abstractmethod
    def note_held_out(self, name: str, examples: Sequence[Example], rows: Sequence[Pair]) -> None:
        """Says how much is held out, and what of it training does not teach."""

    @abstractmethod
    def open(self, folder: Path) -> PreparedData:
        """What was prepared in a folder."""
