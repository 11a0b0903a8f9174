"""How parts become a network: what each join of an embedding, an encoder, a decoder or a head computes.

N sources   S source positions   T target positions   D width   V vocabulary
"""

from collections.abc import Sequence
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.counts import Counts
from heedful.blocks.dropout import Dropout
from heedful.blocks.state import Memory
from heedful.networks.decoders import Decoder
from heedful.networks.encoders import Encoder, Layered, mean
from heedful.networks.heads import TokenHead

Pool = Literal["summary", "mean", "class", "each"]
PoolerActivation = Literal["tanh", "relu"]


class Network(nn.Module):
    """What every join says of itself."""

    @property
    def core(self) -> "Network":
        """The network within, where this one only prepares what that one reads or shows what it writes."""
        return self

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        """The embedding and the encoder of each source that it reads."""
        return []

    def decoders(self) -> Sequence[Decoder]:
        """The decoder, if it writes."""
        return []

    def layered(self) -> list[Layered]:
        """Its encoders and its decoder."""
        return [*(encoder for _, encoder in self.core.sides()), *self.core.decoders()]

    def depths(self) -> dict[str, int]:
        """How many layers each weight is below the output, by its name.

        What stands above all layers: 0; the top layer of an encoder or decoder: 1; embeddings, those of positions
        too: one more than the lowest layer of the deepest.
        """
        layered, depths = self.layered(), dict[int, int]()
        for part in layered:
            for depth, layer in enumerate(reversed(part.layer_modules()), 1):
                depths |= {id(weight): depth for weight in layer.parameters()}
        base = [embedding for embedding, _ in self.core.sides()]
        base += [module for part in layered for module in part.base_modules()]
        lowest = 1 + max(depths.values(), default=0)
        depths |= {id(weight): lowest for module in base for weight in module.parameters()}
        return {name: depths.get(id(weight), 0) for name, weight in self.named_parameters()}


class EncoderDecoder(Network):
    """A source in, a sequence of tokens out. `embedding` turns the source into vectors (N, S, D)."""

    def __init__(self, embedding: nn.Module, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: Encoder = encoder
        self.decoder: Decoder = decoder

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return [(self.embedding, self.encoder)]

    def decoders(self) -> Sequence[Decoder]:
        return [self.decoder]

    def read(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths)

    def forward(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (N, T, D) for sources (N, S, ...) and the target's tokens so far (N, T): teacher forcing."""
        state = self.decoder.start(self.read(source, lengths))
        return self.decoder(tokens, state)[0]


class LanguageModel(Network):
    """Text from nothing: a decoder alone."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder: Decoder = decoder

    def decoders(self) -> Sequence[Decoder]:
        return [self.decoder]

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs (N, T, D) for the tokens so far (N, T): teacher forcing."""
        return self.decoder(tokens, self.decoder.start(None, rows=len(tokens)), lengths)[0]


class MaskedLanguageModel(Network):
    """A text with masked tokens in; at each position, which token stands there (Devlin et al. 2019, section 3.1)."""

    def __init__(self, embedding: nn.Module, encoder: Encoder, head: TokenHead) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: Encoder = encoder
        self.head = head
        self.vocabulary = head.output.linear.out_features

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return [(self.embedding, self.encoder)]

    def forward(self, source: Tensor, lengths: Tensor) -> Tensor:
        """Outputs (N, S, D) for sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths).vectors

    def logits(self, outputs: Tensor) -> Tensor:
        """(..., D) -> (..., V): a loss asks at the masked positions alone."""
        return self.head(outputs)


class EncoderHead(Network):
    """A source in; one answer out of a pooled memory, or an answer at each position.

    `pool`: the encoder's own summary, the mean over positions, or the first vector, which is a class token. `pooler`:
    one more layer before the answer, and what follows it (Devlin et al. 2019, as they released it: tanh). `counts`:
    what is counted of the tokens of texts beside it, but in training.
    """

    def __init__(
        self,
        embedding: nn.Module,
        encoder: Encoder,
        classes: int,
        pool: Pool,
        dropout: float,
        pooler: PoolerActivation | None = None,
        counts: Counts | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: Encoder = encoder
        self.pool: Pool = pool
        self.dropout = Dropout(dropout)
        width = encoder.widths.summary if pool == "summary" else encoder.widths.vectors
        self.pooler = nn.Linear(width, width) if pooler else None
        self.pooler_activation: PoolerActivation = pooler or "tanh"
        self.head = nn.Linear(width, classes)
        self.counts = counts

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return [(self.embedding, self.encoder)]

    def forward(self, source: Tensor, lengths: Tensor) -> Tensor:
        """Logits (N, classes), or (N, S, classes) where each position is answered for."""
        logits = self.alone(source, lengths)
        return logits if self.training or self.counts is None else self.counts(logits, source, lengths)

    def alone(self, source: Tensor, lengths: Tensor) -> Tensor:
        """The same logits, and nothing counted beside them."""
        memory = self.encoder(self.embedding(source), lengths)
        x = pool_memory(memory, self.pool)
        if self.pooler is not None:
            x = self.pooler(x)
            x = x.tanh() if self.pooler_activation == "tanh" else x.relu()
        return self.head(self.dropout(x))


class EncoderAlone(Network):
    """A source in, its memory out: vectors for whoever comes next. `pooled` of a width, if there is a layer for it."""

    def __init__(self, embedding: nn.Module, encoder: Encoder, pooled: int = 0) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: Encoder = encoder
        self.pooler = nn.Linear(encoder.widths.vectors, pooled) if pooled else None

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return [(self.embedding, self.encoder)]

    def forward(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths)

    def pooled_vector(self, memory: Memory) -> Tensor:
        """The first vector through one more layer and a tanh: (N, pooled)."""
        assert self.pooler is not None, "this encoder has no such layer"
        return self.pooler(memory.vectors[:, 0]).tanh()


class TwoTowers(Network):
    """Two encoders into one space (Radford et al. 2021, figure 3): what belongs together points the same way."""

    def __init__(self, first: nn.Module, second: nn.Module, encoders: tuple[Encoder, Encoder], width: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([first, second])
        self.encoders = nn.ModuleList(cast("tuple[nn.Module, ...]", encoders))
        self.projections = nn.ModuleList(nn.Linear(encoder.widths.summary, width, bias=False) for encoder in encoders)
        self.width = width
        self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return [(embedding, self.encoder(side)) for side, embedding in enumerate(self.embeddings)]

    def encoder(self, side: int) -> Encoder:
        """The encoder of one side: 0 the first, 1 the second."""
        return cast("Encoder", self.encoders[side])

    def embed(self, side: int, source: Tensor, lengths: Tensor) -> Tensor:
        """Unit vectors (N, width) of sources of one side."""
        memory = self.encoder(side)(self.embeddings[side](source), lengths)
        return F.normalize(self.projections[side](memory.summary).float(), dim=-1)

    def forward(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Similarities (N, N) of N pairs, each side (source, lengths), times a learned scale of at most 100."""
        return self.compare(self.embed(0, *first), self.embed(1, *second))

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """The same of the unit vectors (N, width) of both sides."""
        return self.scale.exp().clamp(max=100) * first @ second.T


class SentenceEncoder(TwoTowers):
    """An encoder of texts as both towers: what is alike points the same way (Reimers & Gurevych 2019)."""

    def __init__(self, inner: EncoderAlone, pool: Pool) -> None:
        Network.__init__(self)
        self.inner = inner
        self.pool: Pool = pool
        self.width = inner.encoder.widths.vectors
        self.register_buffer("scale", torch.zeros(()), persistent=False)

    @property
    def core(self) -> Network:
        return self.inner

    def sides(self) -> Sequence[tuple[nn.Module, Encoder]]:
        return self.inner.sides()

    def encoder(self, side: int) -> Encoder:
        return self.inner.encoder

    def embed(self, side: int, source: Tensor, lengths: Tensor) -> Tensor:
        return F.normalize(pool_memory(self.inner(source, lengths), self.pool).float(), dim=-1)


class Drawing(Network):
    """Pictures as codes, and the network that writes codes."""

    def __init__(self, codebook: Codebook | GrayLevels, writer: EncoderDecoder) -> None:
        super().__init__()
        self.codebook: Codebook | GrayLevels = codebook
        self.writer = writer

    @property
    def core(self) -> EncoderDecoder:
        return self.writer

    def forward(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (N, S, D) for source tokens and the codes so far: teacher forcing."""
        return self.writer(source, lengths, tokens)


def pool_memory(memory: Memory, pool: Pool) -> Tensor:
    """What an answer is made from: (N, D), or (N, S, D) for each position."""
    if pool == "each":
        return memory.vectors
    if pool == "class":
        return memory.vectors[:, 0]
    return memory.summary if pool == "summary" else mean(memory.vectors, memory.mask)
