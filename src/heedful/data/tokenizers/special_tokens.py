"""Ids that stand for no text: where a text begins and ends, a gap, what is not known.

They go with the vocabulary, as a published one has its own, and everything that reads or writes tokens asks it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
"""The first ids of every vocabulary that is learnt here, and how they are written."""


@dataclass(frozen=True)
class Marks:
    """The marks of a vocabulary; as they are set here, those of every vocabulary that is learnt by Heedful.

    `begin` stands before what is written, and before a document; `end` behind it. `before` and `after` stand around a
    text that is read whole. `prompted`: a prompt, too, is read behind `begin`.
    """

    begin: int = 1
    end: int = 2
    unknown: int | None = 3
    """None: every text has ids."""
    pad: int | None = 0
    gap: int | None = None
    """None: the number behind the last."""
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = (2,)
    never: tuple[int, ...] = (0, 1, 3)
    """What an answer never has."""
    silent: tuple[int, ...] = (0, 1, 2, 3)
    """All that is no piece of a text."""
    first: int = 4
    """The lowest id that may stand for another, where a network learns to find what was exchanged."""
    prompted: bool = True

    def around(self, ids: Iterable[int]) -> list[int]:
        """A text as it is read whole."""
        return [*self.before, *ids, *self.after]

    def document(self, ids: Iterable[int], ends: bool = True) -> list[int]:
        """A text as it is written from nothing; without its end where it was cut before."""
        return [self.begin, *ids, *([self.end] if ends else [])]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @staticmethod
    def parse(plain: dict[str, Any]) -> "Marks":
        """The marks that `plain` described.

        >>> Marks.parse(Marks(gap=7).plain()) == Marks(gap=7)
        True
        """
        rows: dict[str, Any] = {key: tuple(value) for key, value in plain.items() if isinstance(value, list | tuple)}
        return Marks(**plain | rows)


OWN = Marks()
