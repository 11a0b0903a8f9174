"""Rows of a store as a network with few positions reads them: some are left out, others are cut behind."""

from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.store import Store


class ShortenedStore(Store):
    """The `rows` of a store alone, each with at most `most` (2,) tokens of its source and target."""

    def __init__(self, folder: Path, rows: np.ndarray, most: np.ndarray) -> None:
        super().__init__(folder)
        self.rows, self.most = rows, most
        begins = self.ends[rows] - self.lengths[rows]
        self.lengths = np.minimum(self.lengths[rows], most).astype(self.lengths.dtype)
        self.ends, self.origins = begins + self.lengths, self.origins[rows]

    def __reduce__(self) -> tuple[type[Store], tuple[Any, ...]]:
        """As of a store."""
        return ShortenedStore, (self.folder, self.rows, self.most)
