"""What counted pieces of a text say of its class: a linear layer over TF-IDF, beside a network that learns by steps.

N texts   S positions   F features   C classes
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SPREAD = 40_503  # odd, and far from powers of two: pairs of near pieces come apart


class Counts(nn.Module):
    """A text's features are its pieces, and the pairs of neighbours among them, which share `pairs` places.

    `rarity` (F,): how much a feature counts, the more the fewer texts have it, 0 for what counts nowhere. `table`
    (F, C) and `bias` (C,): what each says of the classes. `shares` (2,): what the network counts, and what all that
    counts beside it. They are fitted to texts at once, not learnt step by step; until then the network counts alone.
    """

    rarity: Tensor
    table: Tensor
    bias: Tensor
    shares: Tensor

    def __init__(self, vocabulary: int, pairs: int, classes: int) -> None:
        super().__init__()
        self.vocabulary, self.pairs = vocabulary, pairs
        self.register_buffer("rarity", torch.zeros(vocabulary + pairs))
        self.register_buffer("table", torch.zeros(vocabulary + pairs, classes))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("shares", torch.tensor([1.0, 0.0]))

    def forward(self, logits: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """A network's logits (N, C) of texts (N, S), and what their features say, each times its share."""
        network, counted = self.shares.unbind()
        return network * logits.float().log_softmax(-1) + counted * self.outputs(tokens, lengths)

    def parts(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What each position of texts (N, S) adds to `outputs`, (N, S, C), but the bias: a pair by halves to both."""
        features, values = self.features(tokens, lengths)
        singles, pairs = (values.unsqueeze(-1) * F.embedding(features, self.table)).split(
            [tokens.shape[1], tokens.shape[1] - 1], 1
        )
        return singles + F.pad(pairs / 2, (0, 0, 0, 1)) + F.pad(pairs / 2, (0, 0, 1, 0))

    def outputs(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What the features of texts (N, S) say, (N, C): about 1 for a text's class, and -1 for others."""
        features, values = self.features(tokens, lengths)
        return (values.unsqueeze(1) @ F.embedding(features, self.table)).squeeze(1) + self.bias

    def features(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The features of texts (N, 2S - 1), and how much each counts: 0 for padding, the whole text has length 1."""
        pairs = self.vocabulary + (tokens[:, :-1] * SPREAD + tokens[:, 1:]) % self.pairs
        real = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        features, real = torch.cat([tokens, pairs], 1), torch.cat([real, real[:, 1:]], 1)
        return features, F.normalize(self.rarity[features] * real, dim=1)
