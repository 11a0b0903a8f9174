"""The shortlist of a translator: which tokens each token of a source is likely to become (generate.shortlist).

It is learnt from the pairs that a run was trained on, by IBM model 1 (data/pairs/ibm_model_1.py), the first time that
it is asked for: at the end of a training whose recipe does, or when an answer does. Then it lies beside the weights,
and not in the user's cache as engines do: it is made of pairs that stay behind where a run is shared, and what was
deployed has to answer as it did at home.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from heedful.data.folders import SHORTLIST, write_file
from heedful.data.pairs import ibm_model_1
from heedful.data.store import Store
from heedful.errors import HeedfulError
from heedful.generation.stepper import Ints
from heedful.training.progress import say

LEAST = 1e-4
"""The least probability of a translation that is kept."""
NO_SHORTLIST = "Leave out generate.shortlist."


@dataclass(frozen=True)
class Shortlist:
    """The `targets` of each source token, the likeliest first, behind one another: those of token s stand from
    `starts[s]` to `starts[s + 1]`. `commonest`: all target tokens, the commonest first.
    """

    starts: np.ndarray
    targets: np.ndarray
    commonest: np.ndarray

    def tokens(self, source: np.ndarray, count: int) -> Ints:
        """What a source may be answered with: the `count` likeliest of each of its tokens, and as many of the
        commonest.

        >>> shortlist = Shortlist(np.array([0, 2, 3]), np.array([4, 3, 2]), np.array([5, 4, 3, 2]))
        >>> shortlist.tokens(np.array([0, 1]), count=1).tolist()
        [2, 4, 5]
        """
        spans = [self.targets[self.starts[token] :][: self.size(token, count)] for token in set(source.tolist())]
        return np.unique(np.concatenate([self.commonest[:count], *spans])).astype(np.int64)

    def size(self, token: int, count: int) -> int:
        """How many of a token's targets are among its `count` likeliest."""
        return min(count, int(self.starts[token + 1] - self.starts[token]))


@dataclass(frozen=True)
class ShortlistFile:
    """The shortlist of the run in a folder."""

    folder: Path

    @cached_property
    def shortlist(self) -> Shortlist:
        """As it was kept or, the first time, learnt.

        Raises HeedfulError where it can be neither.
        """
        return read(self.path) if self.path.exists() else self.make()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / SHORTLIST

    def make(self) -> Shortlist:
        """Learns it from the pairs in the run's folder, and keeps it there unless that is read-only."""
        from heedful.data.pairs.prepared import open_run

        data = open_run(self.folder)
        if data is None:
            raise HeedfulError(
                f"{self.folder} has no shortlist, nor the training pairs that one is learnt from.", NO_SHORTLIST
            )
        start = time.monotonic()
        shortlist = learn(data.train, data.source.size, data.target.size)
        kept = False
        with suppress(OSError):
            write_file(self.path, lambda path: path.write_bytes(save(vars(shortlist))))
            kept = True
        where = str(self.path) if kept else "memory alone, as its folder cannot be written to"
        say(f"a shortlist was learnt from the training pairs and kept in {where}: {time.monotonic() - start:.0f} s")
        return shortlist

    def copy_to(self, folder: Path) -> None:
        """Takes the file along, if there is one."""
        if self.path.exists() and folder != self.folder:
            (folder / SHORTLIST).write_bytes(self.path.read_bytes())


def learn(pairs: Store, sources: int, targets: int) -> Shortlist:
    """The shortlist that pairs of ids below `sources` and `targets` teach."""
    translations = ibm_model_1.learn(pairs, sources, targets)
    kept = (translations.probabilities >= LEAST) & (translations.sources < sources)
    of_source, probabilities = translations.sources[kept], translations.probabilities[kept]
    order = np.lexsort((-probabilities, of_source))
    return Shortlist(
        np.searchsorted(of_source, np.arange(sources + 1)).astype(np.int32),
        translations.targets[kept][order].astype(np.int32),
        np.argsort(-np.bincount(pairs.ids[1], minlength=targets), kind="stable").astype(np.int32),
    )


def read(path: Path) -> Shortlist:
    """The shortlist of a file; raises HeedfulError for a damaged one."""
    try:
        return Shortlist(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise HeedfulError(
            f"{path} is no shortlist: {error}.", "Remove it: it is learnt again from the run's data."
        ) from None
