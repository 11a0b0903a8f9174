"""Pieces of texts are counted beside a network: fitted to training texts at once, weighed by validation texts.

The network learns as if it were alone, or nothing would be left for it: what is fitted tells nearly all training texts
apart. How much each counts is then what makes the classes of validation texts likeliest.

N texts   F features   C classes   K features of each text, summed over texts
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.counts import Counts
from heedful.data.batch import Batch
from heedful.networks.joins import EncoderHead
from heedful.training.work import Score

PENALTY = 1.0  # on the squares of the table's numbers
STEPS = 12  # of conjugate gradients
PRODUCTS = 100_000_000  # K times C, at most, of the texts that are fitted to: seconds
TEXTS = 256  # looked at together
LEAST_TEXTS = 2  # that have a pair which counts


@dataclass
class CountedScore:
    """What the loop chooses weights by, `score`, of a network whose features were fitted and weighed before.

    `train`, `valid`: batches of texts with their labels.
    """

    network: EncoderHead
    counts: Counts
    score: Score
    train: Callable[[], Iterable[Batch]]
    valid: Callable[[], Iterable[Batch]]
    fitted: bool = field(default=False, init=False)

    def __call__(self, few: int | None = None) -> dict[str, float]:
        """The measures of the network as its weights stand, all features counted."""
        with torch.no_grad():
            if not self.fitted:
                fit(self.counts, self.train())
                self.fitted = True
            weigh(self.network, self.counts, self.valid())
        return self.score(few)


def fit(counts: Counts, batches: Iterable[Batch]) -> None:
    """Fits rarities, table and bias to texts, as many as PRODUCTS allow: ridge regression on 1 for a text's class and
    -1 for the others, over TF-IDF as scikit-learn weighs it, 1 + ln((1 + N) / (1 + texts with it)).
    """
    counts.rarity.fill_(1)
    found, labels, most = list[Tensor](), list[Tensor](), PRODUCTS // counts.table.shape[1]
    for batch in (batch.to(counts.table.device) for batch in batches):
        features, values = counts.features(batch["source"], batch["lengths"])
        found += [row[is_there] for row, is_there in zip(features.cpu(), (values > 0).cpu(), strict=True)]
        labels.append(batch["labels"].cpu())
        most -= sum(map(len, found[-len(features) :]))
        if most <= 0:
            break
    counts.rarity.copy_(rarities(found, counts))
    rows = Sparse.of(found, counts.rarity.cpu())
    goal = 2 * F.one_hot(torch.cat(labels), counts.table.shape[1]).float() - 1
    table, bias = ridge(rows, rows.transposed(len(counts.table)), goal)
    counts.table.copy_(table)
    counts.bias.copy_(bias)


def rarities(found: Sequence[Tensor], counts: Counts) -> Tensor:
    """How much each feature counts (F,): those of no text nothing, and pairs of one text alone."""
    texts = torch.zeros(len(counts.rarity))
    for features in found:
        texts[features.unique()] += 1
    least = torch.ones_like(texts)
    least[counts.vocabulary :] = LEAST_TEXTS
    return torch.where(texts >= least, 1 + torch.log((1 + len(found)) / (1 + texts)), 0)


def weigh(network: EncoderHead, counts: Counts, batches: Iterable[Batch]) -> None:
    """Sets the shares to what makes the classes of texts likeliest; without texts they stay."""
    network.eval()
    logs, outputs, labels = list[Tensor](), list[Tensor](), list[Tensor]()
    for batch in batches:
        asked = batch.to(counts.table.device)
        logs.append(network.alone(asked["source"], asked["lengths"]).float().log_softmax(-1).cpu())
        outputs.append(counts.outputs(asked["source"], asked["lengths"]).cpu())
        labels.append(batch["labels"])
    if labels:
        counts.shares.copy_(likeliest_shares(torch.cat(logs), torch.cat(outputs), torch.cat(labels)))


@torch.enable_grad()
def likeliest_shares(logs: Tensor, outputs: Tensor, labels: Tensor) -> Tensor:
    """The shares (2,) of log probabilities (N, C) and outputs (N, C) by which labels (N,) are likeliest, none below 0.

    >>> wrong, right = torch.tensor([[0.0, -9.0]] * 3), torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
    >>> [share > 0 for share in likeliest_shares(wrong, right, torch.tensor([1, 1, 0])).tolist()]
    [False, True]
    """
    shares = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([shares], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        network, counted = shares.clamp(min=0).unbind()
        entropy = F.cross_entropy(network * logs + counted * outputs, labels)
        entropy.backward()
        return entropy

    optimizer.step(loss)
    return shares.detach().clamp(min=0)


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix that is 0 in most places: row n has `values[starts[n] : starts[n + 1]]` in these `columns`."""

    columns: Tensor
    values: Tensor
    starts: Tensor

    @classmethod
    def of(cls, found: Sequence[Tensor], rarity: Tensor) -> "Sparse":
        """The features of texts, each text of length 1."""
        columns = torch.cat(list(found))
        sizes = torch.tensor([len(features) for features in found])
        rows = torch.repeat_interleave(torch.arange(len(found)), sizes)
        squares = torch.zeros(len(found)).index_add_(0, rows, rarity[columns] ** 2)
        return cls(columns, rarity[columns] / squares.sqrt().clamp(min=1e-12)[rows], starts_of(sizes))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def times(self, dense: Tensor) -> Tensor:
        """The product (rows, C) with a matrix (columns, C)."""
        return F.embedding_bag(self.columns, dense, self.starts[:-1], per_sample_weights=self.values, mode="sum")

    def transposed(self, width: int) -> "Sparse":
        """The same with rows and columns exchanged, of so many columns."""
        order = self.columns.argsort(stable=True)
        rows = torch.repeat_interleave(torch.arange(len(self)), self.starts.diff())
        return Sparse(rows[order], self.values[order], starts_of(self.columns.bincount(minlength=width)))


def starts_of(sizes: Tensor) -> Tensor:
    """Where rows of these sizes begin, and the last one ends."""
    return F.pad(sizes.cumsum(0), (1, 0))


def ridge(rows: Sparse, columns: Sparse, goal: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (F, C) and bias (C,) by which the outputs for rows come near their goal (N, C), by conjugate gradients;
    `columns`: the rows transposed.
    """
    mean = columns.times(torch.ones(len(rows), 1)) / len(rows)
    residual = columns.times(goal - goal.mean(0))
    weights, direction, square = torch.zeros_like(residual), residual.clone(), (residual**2).sum(0)
    for _ in range(STEPS):
        curved = columns.times(rows.times(direction) - mean.T @ direction) + PENALTY * direction
        step = square / (direction * curved).sum(0).clamp(min=1e-30)
        weights += step * direction
        residual -= step * curved
        before, square = square, (residual**2).sum(0)
        direction = residual + square / before.clamp(min=1e-30) * direction
    return weights, goal.mean(0) - (mean.T @ weights).squeeze(0)
