"""Ids that stand for no text: where a text begins and ends, what is masked, what is not known.

They go with the vocabulary, as a published one has its own, and everything that reads or writes tokens asks it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
"""The first ids of every vocabulary that is learnt here, and how they are written."""


STORED = {"mask": "gap", "suppressed": "never", "skipped": "silent"}
"""What fields are called in files."""


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens of a vocabulary; as they are set here, those of every vocabulary that Heedful learns.

    `begin` stands before what is written, and before a document; `end` behind it. `before` and `after` stand around a
    text that is read whole. `prompted`: a prompt, too, is read behind `begin`.
    """

    begin: int = 1
    end: int = 2
    unknown: int | None = 3
    """None: every text has ids."""
    pad: int | None = 0
    mask: int | None = None
    """None: the number behind the last."""
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = (2,)
    suppressed: tuple[int, ...] = (0, 1, 3)
    """What an answer never has."""
    skipped: tuple[int, ...] = (0, 1, 2, 3)
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
        return {STORED.get(field, field): value for field, value in asdict(self).items()}

    @staticmethod
    def parse(plain: dict[str, Any]) -> "SpecialTokens":
        """The special tokens that `plain` described.

        >>> SpecialTokens.parse(SpecialTokens(mask=7).plain()) == SpecialTokens(mask=7)
        True
        """
        fields = {stored: field for field, stored in STORED.items()}
        rows: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list | tuple) else value for key, value in plain.items()
        }
        return SpecialTokens(**{fields.get(key, key): value for key, value in rows.items()})


NATIVE = SpecialTokens()
