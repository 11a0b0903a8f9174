"""Attention with one set of weights a query, as recurrent decoders use it.

Each score prepares the memory once (`keys`), and then compares any number of queries with it.

N sources   Q queries (beams times positions)   S source positions   D, A widths
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from heedful.blocks.altering import alter
from heedful.blocks.attention.masks import masked_softmax
from heedful.blocks.recording import note


class Score(nn.Module, ABC):
    """softmax(score(query, key)) over the source positions, then the weighted sum of the memory."""

    def forward(self, queries: Tensor, keys: Tensor, vectors: Tensor, mask: Tensor) -> Tensor:
        """Contexts (N, Q, D) for queries (N, Q, ...), prepared keys (N, S, ...), vectors (N, S, D), mask (N, S)."""
        weights = masked_softmax(self.compare(queries, keys), mask.unsqueeze(1)).unsqueeze(1)  # (N, 1, Q, S)
        weights = alter(self, "weights", weights, mask[:, None, None])
        note(self, "weights", lambda: weights)
        return weights.squeeze(1) @ vectors

    @abstractmethod
    def keys(self, vectors: Tensor) -> Tensor:
        """What is computed of a memory once: (N, S, D) -> (N, S, ...)."""

    @abstractmethod
    def compare(self, queries: Tensor, keys: Tensor) -> Tensor:
        """The scores (N, Q, S)."""


class Additive(Score):
    """score(s, h) = v · tanh(W s + U h), Bahdanau et al. 2015, appendix A.1.2.

    Luong et al. 2015 call it *concat*: their v · tanh(W [s; h]) is the same sum, written with one matrix.
    """

    def __init__(self, query_width: int, memory_width: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_width, width)
        self.memory = nn.Linear(memory_width, width, bias=False)
        self.score = nn.Linear(width, 1, bias=False)

    def keys(self, vectors: Tensor) -> Tensor:
        return self.memory(vectors)

    def compare(self, queries: Tensor, keys: Tensor) -> Tensor:
        pairs = self.query(queries).unsqueeze(2) + keys.unsqueeze(1)  # (N, Q, S, A)
        return self.score(pairs.tanh()).squeeze(-1)


class General(Score):
    """score(s, h) = s · W h, Luong et al. 2015, equation 8."""

    def __init__(self, query_width: int, memory_width: int) -> None:
        super().__init__()
        self.memory = nn.Linear(memory_width, query_width, bias=False)

    def keys(self, vectors: Tensor) -> Tensor:
        return self.memory(vectors)

    def compare(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2)


class Dot(Score):
    """score(s, h) = s · h, Luong et al. 2015, equation 8: no weights, so both sides must have one width."""

    def keys(self, vectors: Tensor) -> Tensor:
        return vectors

    def compare(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2)
