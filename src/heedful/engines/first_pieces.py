# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Words labelled by an engine that reads their pieces: the twin, in arrays, of networks/subwords.py.

N texts   T words   P pieces of a word   S positions, which are pieces   C labels
"""

from dataclasses import dataclass

import numpy as np

from heedful.engines.reading import ReadingEngine
from heedful.generation.stepper import Bools, Ints


@dataclass(frozen=True)
class FirstPiecesReader:
    """The label of each word is that of its first piece (Devlin et al. 2019, section 5.3). Implements `ReadingEngine`.

    `before` and `after` are the ids that stand around a text.
    """

    inner: ReadingEngine
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def limit(self) -> int | None:
        return self.inner.limit

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Probabilities (N, T, C) of words (N, T, P), each piece one more than its id, 0 behind the last."""
        if self.limit is not None:  # of a word with more pieces than there are positions, the first ones
            source = source[:, :, : max(1, self.limit - len(self.before) - len(self.after))]
        inside: Bools = np.arange(source.shape[1]) < lengths[:, None]
        real: Bools = (source > 0) & inside[..., None]
        texts = [
            np.concatenate((self.before, words[chosen] - 1, self.after))
            for words, chosen in zip(source, real, strict=True)
        ]
        sizes = np.array([len(text) for text in texts])
        pieces = np.zeros((len(texts), sizes.max()), np.int64)
        for row, text in zip(pieces, texts, strict=True):
            row[: len(text)] = text
        counts: Ints = real.sum(2)  # (N, T)
        first: Ints = len(self.before) + counts.cumsum(1) - counts
        probabilities = self.inner(pieces, sizes)  # (N, S, C)
        return np.take_along_axis(probabilities, np.minimum(first, pieces.shape[1] - 1)[..., None], 1)
