# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Transformers that translate or complete as CTranslate2 models, through that library's own specification of them.

D width   S positions   V vocabulary
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention
from heedful.blocks.embedding import Learned, Positions, Rotary, Sinusoidal, Tokens
from heedful.blocks.transformer import Block, FeedForward, GatedFeedForward, Stack
from heedful.errors import HeedfulError
from heedful.networks.decoders import TransformerDecoder
from heedful.networks.encoders import TransformerEncoder
from heedful.networks.joins import EncoderDecoder, LanguageModel

Spec = Any
"""A part of CTranslate2's specification of models; its fields are declared as None, and are filled here."""

Vocabularies = Sequence[Sequence[str]]
"""The names of the ids of each side: of the source's and the target's, where special ones have the same names, or of
all there are.
"""
Writer = EncoderDecoder | LanguageModel

ACTIVATIONS = {"relu": "RELU", "gelu": "GELU", "gelu_tanh": "GELUTanh", "quick_gelu": "GELUSigmoid", "silu": "SWISH"}
"""The format's names of ours."""

FARTHEST = 2048
"""Positions that a table of sinusoids is written for: the format holds numbers, and no formula."""


class Special(NamedTuple):
    """The ids that begin an answer, end it and every source, and stand for what is unknown."""

    begin: int
    end: int
    unknown: int


def require() -> None:
    """Raises HeedfulError if CTranslate2 is not installed."""
    if find_spec("ctranslate2") is None:
        raise HeedfulError("--to ct2 needs the package ctranslate2.", 'pip install "heedful[export]"')


def unfit(network: nn.Module, limit: int | None = None) -> str | None:
    """What there is in a network that reads `limit` positions that the format has no place for, or None."""
    if not isinstance(network, EncoderDecoder | LanguageModel):
        return "networks that write"
    if isinstance(network, EncoderDecoder) and not isinstance(network.embedding, Tokens):
        return "networks that read a text and write one"
    sides = [*(encoder for _, encoder in network.sides()), *network.decoders()]
    for side in sides:
        if not isinstance(side, TransformerEncoder | TransformerDecoder):
            return "Transformers"
        if not isinstance(side.positions, Sinusoidal | Learned | Rotary):
            return "networks with positions (network.positions sinusoidal, learned or rotary)"
        if isinstance(side.positions, Sinusoidal) and limit is not None and limit > FARTHEST:
            return f"networks with sinusoidal positions that read {FARTHEST:,} tokens or less at once"
    return None


def write(network: Writer, vocabularies: Vocabularies, special: Special, folder: Path) -> None:
    """Writes model.bin, config.json and the vocabularies, whose entries stand in the order of their ids."""
    spec, decoder = specification(network), network.decoder
    assert isinstance(decoder, TransformerDecoder)
    if isinstance(network, EncoderDecoder):
        put_encoder(spec.encoder, network)
        spec.register_source_vocabulary(list(vocabularies[0]))
        spec.register_target_vocabulary(list(vocabularies[1]))
    else:
        spec.register_vocabulary(list(vocabularies[-1]))
    put_decoder(spec.decoder, decoder)
    put_config(spec, network, [vocabularies[-1][index] for index in special], epsilon_of(decoder.layers))
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


def put_encoder(spec: Spec, network: EncoderDecoder) -> None:
    """What reads the source."""
    encoder, embedding = network.encoder, network.embedding
    assert isinstance(encoder, TransformerEncoder) and isinstance(embedding, Tokens)
    spec.embeddings[0].weight = plain(embedding.table.weight)
    spec.scale_embeddings = embedding.scale != 1
    put_side(spec, encoder.layers, encoder.positions)


def put_decoder(spec: Spec, decoder: TransformerDecoder) -> None:
    """What writes, with a memory of the source or without."""
    spec.embeddings.weight = plain(decoder.tokens.table.weight)
    spec.scale_embeddings = decoder.tokens.scale != 1
    put_side(spec, decoder.layers, decoder.positions)
    put_linear(spec.projection, decoder.output.linear)
    for layer, block in zip(spec.layer, decoder.layers, strict=True):
        if block.memory is not None and block.memory_norm is not None:
            put_attention(layer.attention, block.memory, block.memory_norm, fused=False)


@torch.inference_mode()
def difference(network: Writer, vocabularies: Vocabularies, special: Special, folder: Path) -> float:
    """How far log probabilities of made-up answers are from the network's, as a share of the largest of them."""
    generator, lengths, steps = torch.Generator().manual_seed(0), torch.tensor([7, 3, 5, 2]), 4
    special_names = [vocabularies[-1][index] for index in special]
    source, target = (
        random_ids(names, special_names, (len(lengths), count), generator)
        for names, count in zip((vocabularies[0], vocabularies[-1]), (7, steps), strict=True)
    )
    begin, end = (torch.full((len(lengths), 1), index) for index in (special.begin, special.end))
    sequence = torch.cat([begin, target, end], dim=1)
    if isinstance(network, LanguageModel):
        outputs, texts = network(sequence[:, :-1]), None
    else:
        source[torch.arange(len(lengths)), lengths - 1] = vocabularies[0].index(special_names[1])
        outputs = network(source, lengths, sequence[:, :-1])
        read = zip(id_rows(source), lengths, strict=True)
        texts = [[vocabularies[0][index] for index in row[: length - 1]] for row, length in read]
    log_probs = network.decoder.logits(outputs).log_softmax(-1)
    expected = log_probs.gather(-1, sequence[:, 1:].unsqueeze(-1)).squeeze(-1)
    scores = torch.tensor(scored(folder, texts, [[vocabularies[-1][i] for i in row] for row in id_rows(sequence)]))
    return float((scores - expected).abs().max() / expected.abs().max())


def scored(folder: Path, texts: list[list[str]] | None, answers: list[list[str]]) -> list[list[float]]:
    """The log probability of each token of answers but the first, by CTranslate2; of translations, which `texts` are
    read for, what begins and ends is added there.
    """
    ctranslate2: Any = import_module("ctranslate2")  # has no types
    kind = ctranslate2.Generator if texts is None else ctranslate2.Translator
    model = kind(str(folder), device="cpu", compute_type="float32")
    asked = (answers,) if texts is None else (texts, [answer[1:-1] for answer in answers])
    return [list(result.log_probs) for result in model.score_batch(*asked)]


def random_ids(
    names: Sequence[str], special_names: Sequence[str], shape: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Random ids of ordinary tokens."""
    free = torch.tensor([number for number, name in enumerate(names) if name not in special_names])
    return free[torch.randint(len(free), shape, generator=generator)]


def id_rows(ids: Tensor) -> list[list[int]]:
    """Rows of ids."""
    rows: list[list[int]] = ids.tolist()
    return rows


def specification(network: Writer) -> Spec:
    """An empty specification of these depths, heads and kinds of parts."""
    specs: Any = import_module("ctranslate2.specs")  # has no types
    common_spec, transformer_spec = specs.common_spec, specs.transformer_spec

    def side(kind: Spec, part: object, **changes: bool) -> Spec:
        assert isinstance(part, TransformerEncoder | TransformerDecoder)
        block = first_block(part.layers)
        options = changes | {
            "pre_norm": block.norms.pre,
            "activation": common_spec.Activation[ACTIVATIONS[feed_forward(block).activation]],
            "ffn_glu": isinstance(block.inner, GatedFeedForward),
            "rms_norm": isinstance(block.inner_norm, nn.RMSNorm),
            "qk_norm": block.self_attention.query_norm is not None,
            "rotary_dim": 0 if isinstance(part.positions, Rotary) else None,  # 0: all of a head
            "rotary_interleave": False,
        }
        return kind(len(part.layers.layers), block.self_attention.heads, **options)

    decoder = transformer_spec.TransformerDecoderSpec
    if isinstance(network, LanguageModel):
        alone = side(decoder, network.decoder, with_encoder_attention=False)
        return transformer_spec.TransformerDecoderModelSpec(alone)
    encoder = side(transformer_spec.TransformerEncoderSpec, network.encoder)
    return transformer_spec.TransformerSpec(encoder, side(decoder, network.decoder))


def first_block(stack: Stack[Block]) -> Block:
    """The first of blocks that are all alike."""
    return next(iter(stack))


def feed_forward(block: Block) -> FeedForward | GatedFeedForward:
    """The inner part of a block."""
    assert isinstance(block.inner, FeedForward | GatedFeedForward)
    return block.inner


def epsilon_of(stack: Stack[Block]) -> float:
    """What the norms of a stack add to the variance."""
    norm = first_block(stack).inner_norm
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm) and norm.eps is not None
    return norm.eps


def put_config(spec: Spec, network: Writer, special: Sequence[str], epsilon: float) -> None:
    """What an engine must know beside the weights; `special` are the names of begin, end and unknown."""
    config = spec.config
    config.layer_norm_epsilon = epsilon
    config.bos_token, config.eos_token, config.unk_token = special
    if isinstance(network, EncoderDecoder):
        config.decoder_start_token = config.bos_token
        config.add_source_eos = True


def put_side(spec: Spec, stack: Stack[Block], positions: Positions) -> None:
    """What encoder and decoder have alike: positions, self-attention, the inner part, norms."""
    block = first_block(stack)
    if not isinstance(positions, Rotary):
        spec.position_encodings.encodings = table(positions, stack.width)
    elif hasattr(spec, "position_encodings"):  # a decoder that rotates has no place for them, an encoder has
        del spec.position_encodings
    if block.norms.pre:
        put_norm(spec.layer_norm, stack.norm)
    for layer, block in zip(spec.layer, stack, strict=True):
        put_attention(layer.self_attention, block.self_attention, block.self_norm, fused=True)
        put_norm(layer.ffn.layer_norm, block.inner_norm)
        put_inner(layer.ffn, feed_forward(block))


def put_inner(spec: Spec, inner: FeedForward | GatedFeedForward) -> None:
    """The inner part of a block: what the function is of comes first."""
    gated = isinstance(inner, GatedFeedForward)
    put_linear(spec.linear_0, inner.gate if gated else inner.up)
    if gated:
        put_linear(spec.linear_0_noact, inner.up)
    put_linear(spec.linear_1, inner.down)


def table(positions: Positions, width: int) -> np.ndarray:
    """What is added at each position, (S, D)."""
    if isinstance(positions, Learned):
        return plain(positions.table.weight)
    return plain(positions(torch.zeros(1, FARTHEST, width), torch.arange(FARTHEST).unsqueeze(0))[0])


def put_attention(spec: Spec, attention: Attention, norm: nn.Module, fused: bool) -> None:
    """Queries, keys and values in one matrix, or queries apart where keys and values are the memory's."""
    parts = [attention.query, attention.key, attention.value]
    groups = [parts] if fused else [parts[:1], parts[1:]]
    for linear, group in zip(spec.linear, [*groups, [attention.out]], strict=True):
        linear.weight = plain(torch.cat([part.weight for part in group]))
        biases: list[Tensor] = [bias for part in group for name, bias in part.named_parameters() if name == "bias"]
        if biases:  # some have none
            linear.bias = plain(torch.cat(biases))
    put_norm(spec.layer_norm, norm)
    if attention.query_norm is not None and attention.key_norm is not None:
        put_norm(spec.q_norm, attention.query_norm)
        put_norm(spec.k_norm, attention.key_norm)
    elif hasattr(spec, "q_norm"):  # the library's option is for both attentions of a decoder
        del spec.q_norm, spec.k_norm


def put_norm(spec: Spec, norm: nn.Module) -> None:
    """A norm's scale, and its shift if it has one."""
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm)
    spec.gamma = plain(norm.weight)
    if isinstance(norm, nn.LayerNorm):
        spec.beta = plain(norm.bias)


def put_linear(spec: Spec, linear: nn.Linear) -> None:
    """A linear layer's weights."""
    spec.weight = plain(linear.weight)
    for name, bias in linear.named_parameters():
        if name == "bias":  # some have none
            spec.bias = plain(bias)


def plain(tensor: Tensor) -> np.ndarray:
    """A tensor as numbers."""
    return tensor.detach().float().cpu().numpy()
