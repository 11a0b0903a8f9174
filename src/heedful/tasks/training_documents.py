"""What complete and fill share in learning: documents as pieces of at most a window, each a row of its own.

No network ever sees two documents in one row, so none looks, or carries its state, from one into the next, and
positions begin anew with each. Rows of like lengths stand together in a batch, which leaves next to nothing empty.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from heedful.data import batching
from heedful.data.batching import Rows
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.store import Store
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import Recipe
from heedful.tasks.joins import join_of
from heedful.tasks.long import Lengths, Room, Way
from heedful.tasks.long_rows import fit_rows
from heedful.training import decide


@dataclass(frozen=True)
class DocumentPieces:
    """The training documents, cut at other places in each epoch.

    The row of a piece is where it begins among all tokens. `ahead`: each token is there to predict the next one, so
    pieces share the token at which they meet.
    """

    store: Store
    window: int
    seed: int
    ahead: bool

    @cached_property
    def sizes(self) -> np.ndarray:
        """The tokens of each document that a piece can begin with."""
        return self.store.lengths[:, 0].astype(np.int64) - self.ahead

    @cached_property
    def ends(self) -> np.ndarray:
        """Where each document ends among all tokens."""
        return np.cumsum(self.sizes)

    def plan(self, tokens: int, epoch: int) -> list[Rows]:
        """The batches of an epoch, of at most so many tokens: every token of every document once."""
        starts, lengths = self.cut_pieces(epoch)
        batches = batching.plan(np.stack([lengths, lengths - 1], axis=1), tokens, self.seed, epoch)
        return [Rows(epoch, starts[batch.rows]) for batch in batches]

    def cut_pieces(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the pieces of an epoch begin, and how long they are."""
        first, sizes = self.first(epoch), self.sizes
        more = np.where(sizes > self.window, -(-(sizes - first) // self.window), 0)
        rows = np.repeat(np.arange(len(sizes)), 1 + more)
        number = np.arange(len(rows)) - np.repeat(np.cumsum(1 + more) - 1 - more, 1 + more)
        begins = np.where(number > 0, first + (number - 1) * self.window, 0)
        stops = np.where(more[rows] > 0, np.minimum(first + number * self.window, sizes[rows]), sizes[rows])
        return begins + (self.ends - sizes)[rows], stops - begins

    def first(self, epoch: int) -> int:
        """How long the first piece of a document is that needs several: this moves all the others."""
        return 1 + int(np.random.default_rng((self.seed, epoch)).integers(self.window))

    def tokens(self, rows: Rows) -> list[np.ndarray]:
        """The tokens of each piece, with the one behind it if it looks ahead."""
        first, documents = self.first(rows.epoch), self.documents(rows)
        return [self.piece(document, int(start), first) for document, start in zip(documents, rows.rows, strict=True)]

    def piece(self, document: int, start: int, first: int) -> np.ndarray:
        """The tokens of the piece of a document that begins at `start` among all tokens."""
        size = int(self.sizes[document])
        begin = start - int(self.ends[document]) + size
        step = self.window if begin or size <= self.window else first
        return self.store[document][0][begin : min(begin + step, size) + self.ahead]

    def documents(self, rows: Rows) -> list[int]:
        """The row in the store of each piece's document."""
        return np.searchsorted(self.ends, rows.rows, side="right").tolist()

    def seeds(self, rows: Rows) -> list[int]:
        """What the draws for each piece depend on."""
        return rows.seeds(self.seed, int(self.ends[-1]))

    def where(self, rows: Rows) -> list[str]:
        """The files and lines of the documents of these."""
        return [self.store.where(document) for document in self.documents(rows)]


def inherited_window(before: Recipe) -> dict[str, object]:
    """Data settings that are taken over from where weights come from: windows of other language models are alike."""
    return {"window": before.data.window} if before.task in ("complete", "fill") else {}


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen. Probabilities are to be true: no smoothing.

    Raises HeedfulError for a window that has more tokens than the network has positions.
    """
    recipe = decide.resolve_recipe(recipe, *join_of(recipe.task)).with_defaults("train", {"label_smoothing": 0.0})
    context = recipe.network.context
    data = decide.window(recipe.data, context)
    if context != "auto" and int(data.window) > context:
        raise HeedfulError(
            f"data.window is {data.window:,}, and the network has network.context {context:,} positions.",
            f"Raise the one, as network.context={data.window}, or lower the other.",
        )
    return replace(recipe, data=data)


def fit(
    data: PreparedDocuments,
    limit: int | None,
    ahead: bool,
    way: Way,
    held_out: Callable[[list[Example]], Lengths | None],
) -> tuple[PreparedDocuments, list[str]]:
    """Documents as `Learning.fit` has them: all of them in windows, or the first one of each, or what fits into one."""
    if way == "windows" or limit is None:
        return data, []
    return fit_rows(data, Room(limit + ahead, marks=(-int(ahead), 0)), way, held_out)


def learns_ends(data: PreparedDocuments) -> bool:
    """Whether the ends of documents are learnt: not where the only one was cut."""
    return int(data.train[0][0][-1]) == data.tokenizer.special_tokens.end
