"""What makes an answer of vectors, where one linear layer is not enough.

N sources   S source positions   D width   V vocabulary
"""

from torch import Tensor, nn

from heedful.blocks.activation import ACTIVATIONS
from heedful.blocks.embedding import Tokens
from heedful.blocks.names import Activation
from heedful.networks.decoders import Output


class TokenHead(nn.Module):
    """Which token stands at a position: one more layer and norm, then the vocabulary (Devlin et al. 2019, appendix A.1,
    as they released it).
    """

    def __init__(
        self, tokens: Tokens, tied: bool, activation: Activation, norm: nn.Module | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        width = tokens.table.embedding_dim
        self.activation: Activation = activation
        self.linear = nn.Linear(width, width, bias)
        self.norm = norm or nn.LayerNorm(width)
        self.output = Output(width, tokens, tied, bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.output(self.norm(ACTIVATIONS[self.activation](self.linear(vectors))))
