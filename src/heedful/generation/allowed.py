"""The tokens that a batch may be answered with where each of its sources has a shortlist.

One product of the vocabulary serves the whole batch, over all tokens that some source may take, and each source has
probabilities for its own alone: so that its answer does not depend on its neighbours.

N sources   U tokens that some source may take
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heedful.generation.stepper import Bools, Ints, Request, Source, SpecialIds


@dataclass(frozen=True)
class AllowedTokens:
    """The `tokens` (U,) that some source may take, rising, and which of them each may: (N, U)."""

    tokens: Ints
    mask: Bools

    @staticmethod
    def of(requests: Sequence[Request[Source]], special: SpecialIds) -> "AllowedTokens | None":
        """Those of requests, and beside them the end and what is suppressed anyway; None if they may take all tokens.

        >>> special = SpecialIds(begin=0, end=1, suppressed=(0,))
        >>> both = [Request(None, 1, 9, allowed=np.array(tokens)) for tokens in ([4, 7], [5])]
        >>> AllowedTokens.of(both, special).tokens.tolist()
        [0, 1, 4, 5, 7]
        """
        if any(request.allowed is None for request in requests):
            return None
        always = np.array([special.end, *special.suppressed])
        lists = [
            np.unique(np.concatenate((always, request.allowed))) for request in requests if request.allowed is not None
        ]
        tokens = np.unique(np.concatenate(lists))
        mask = np.zeros((len(lists), len(tokens)), bool)
        for row, allowed in zip(mask, lists, strict=True):
            row[np.searchsorted(tokens, allowed)] = True
        return AllowedTokens(tokens, mask)

    def join(self, other: "AllowedTokens") -> "AllowedTokens":
        """With the sources of another batch, behind its own."""
        tokens = np.union1d(self.tokens, other.tokens)
        mask = np.zeros((len(self.mask) + len(other.mask), len(tokens)), bool)
        mask[: len(self.mask), np.searchsorted(tokens, self.tokens)] = self.mask
        mask[len(self.mask) :, np.searchsorted(tokens, other.tokens)] = other.mask
        return AllowedTokens(tokens, mask)

    def keep(self, sources: Ints) -> "AllowedTokens":
        """Only these sources, and the tokens that they may take."""
        mask = self.mask[sources]
        used = mask.any(0)
        return AllowedTokens(self.tokens[used], mask[:, used])

    def positions(self, tokens: Ints, special: SpecialIds) -> Ints:
        """Where tokens stand among these; for one that no source may take that of a token which is suppressed."""
        positions = np.minimum(np.searchsorted(self.tokens, tokens), len(self.tokens) - 1)
        nowhere = np.searchsorted(self.tokens, special.suppressed[0]) if special.suppressed else 0
        return np.where(self.tokens[positions] == tokens, positions, nowhere)
