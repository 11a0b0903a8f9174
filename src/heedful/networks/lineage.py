"""The history of the field as one table: read downwards, each row is a diff of the one above.

A row names the settings of an encoder and a decoder; how they are joined is another matter. Sizes are a second table.
"""

from dataclasses import dataclass

from heedful.networks.configs import (
    DecoderConfig,
    EncoderConfig,
    FrameEncoderConfig,
    MinGRUConfig,
    RecurrentDecoderConfig,
    RecurrentEncoderConfig,
    TransformerConfig,
)


@dataclass(frozen=True)
class Row:
    """One era: its idea in a few words, where it comes from, what it added, what it still lacked, and its parts.

    Without a decoder it writes nothing, without an encoder it writes from nothing. `for_text`: the encoder of the
    texts where two encoders are joined, if it is another.
    """

    idea: str
    paper: str
    added: str
    lacked: str
    encoder: EncoderConfig | None
    decoder: DecoderConfig | None
    for_text: EncoderConfig | None = None


@dataclass(frozen=True)
class Size:
    """A row of the table of sizes. `layers` is the depth of stacks of blocks, `recurrent` that of recurrent stacks."""

    width: int
    layers: int
    recurrent: int
    heads: int
    dropout: float


MODERN = TransformerConfig(
    "pre",
    "rotary",
    activation="silu",
    norm_kind="rms",
    query_norm=True,
    gated=True,
    layer_bias=False,
    zero=True,
    bias=False,
    token_std=0.02,
)
"""Both sides of touvron2023. Its name is that of the paper that put most of it together; two parts came after it.

Where blocks begin as the identity and the output layer has the embeddings too, each token begins by predicting itself,
and the more surely the longer embeddings are: small ones have less to unlearn (docs/log.md).
"""

LINEAGE: dict[str, Row] = {
    "frame": Row(
        "no memory",
        "the yardstick: no network of its own time",
        "layers between what goes in and what comes out, each position by itself",
        "no position knows of any other",
        FrameEncoderConfig(),
        None,
    ),
    "rnn": Row(
        "an Elman network",
        "Elman 1990, as two networks",
        "a hidden state that is handed from step to step",
        "gradients fade within some ten steps; all of the source in one vector",
        RecurrentEncoderConfig("rnn"),
        RecurrentDecoderConfig("rnn"),
    ),
    "lstm": Row(
        "an LSTM",
        "Hochreiter & Schmidhuber 1997, as two networks",
        "gates around a cell through which gradients pass unharmed",
        "all of the source in one vector",
        RecurrentEncoderConfig("lstm"),
        RecurrentDecoderConfig("lstm"),
    ),
    "gru": Row(
        "a GRU",
        "Cho et al. 2014, the unit alone, as two networks",
        "two gates in place of three and no cell beside the state",
        "all of the source in one vector",
        RecurrentEncoderConfig("gru"),
        RecurrentDecoderConfig("gru"),
    ),
    "cho2014": Row(
        "one vector",
        "Cho et al. 2014, Learning Phrase Representations",
        "the summary of the source is seen at every step, not only at the first",
        "one vector still: quality falls with length",
        RecurrentEncoderConfig("gru"),
        RecurrentDecoderConfig("gru", every_step=True),
    ),
    "sutskever2014": Row(
        "one vector of four layers",
        "Sutskever et al. 2014, Sequence to Sequence Learning",
        "LSTMs, four deep; the source read backwards, so that beginnings meet",
        "one vector still, only a larger one",
        RecurrentEncoderConfig("lstm", depth=4, reverse=True),
        RecurrentDecoderConfig("lstm", depth=4),
    ),
    "bahdanau2015": Row(
        "attention",
        "Bahdanau et al. 2015, Jointly Learning to Align and Translate",
        "a memory of all source positions by a bidirectional encoder; each step attends to what it needs",
        "steps one after another: no work in parallel along the sequence",
        RecurrentEncoderConfig("gru", bidirectional=True),
        RecurrentDecoderConfig("gru", attends="before", attention="additive"),
    ),
    "luong2015": Row(
        "attention after the step",
        "Luong et al. 2015, Effective Approaches to Attention",
        "attention after the step, by a product; its result is fed to the next step",
        "steps one after another, the more so with input feeding",
        RecurrentEncoderConfig("lstm", depth=2, reverse=True),
        RecurrentDecoderConfig("lstm", depth=2, attends="after", attention="general", feeding=True),
    ),
    "vaswani2017": Row(
        "the Transformer",
        "Vaswani et al. 2017, Attention Is All You Need",
        "no recurrence: every position looks at every other, many heads at once, all in parallel",
        "cost grows with the square of the length; order needs position embeddings",
        TransformerConfig(),
        TransformerConfig(),
    ),
    "ssru2019": Row(
        "the Transformer with a recurrent decoder",
        "Kim et al. 2019, From Research to Production and Back",
        "a Transformer whose decoder remembers one vector a layer in place of all keys: each token costs the same",
        "what was written is one vector again; only the source is attended to",
        TransformerConfig(),
        TransformerConfig(recurrent=True),
    ),
    "gpt": Row(
        "GPT",
        "Radford et al. 2018 and 2019, Language Models are Unsupervised Multitask Learners",
        "the decoder alone, on any text: predicting the next word needs no pairs; norms before each part",
        "looks back only: a word is read without what follows it",
        None,
        TransformerConfig("pre", "learned", activation="gelu_tanh", bias=False, std=0.02),
    ),
    "bert": Row(
        "BERT",
        "Devlin et al. 2019, BERT",
        "the encoder alone, on any text: masked tokens are predicted from both sides",
        "reads and does not write",
        TransformerConfig("post", "learned", activation="gelu", epsilon=1e-12, first_norm=True, std=0.02),
        None,
    ),
    "vit": Row(
        "ViT",
        "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words",
        "a picture is a line of patches behind a class token, read as a text is; no convolutions",
        "what is near or far has to be learned, from many pictures; only classes that were named beforehand",
        TransformerConfig("pre", "line", activation="gelu", epsilon=1e-12, summary="first"),
        None,
    ),
    "clip": Row(
        "CLIP",
        "Radford et al. 2021, Learning Transferable Visual Models",
        "a network for pictures and one for texts, into one space: any words can name what is seen",
        "says how near two things are, and no word of its own",
        TransformerConfig("pre", "line", activation="quick_gelu", first_norm=True, summary="first"),
        None,
        TransformerConfig("pre", "learned", activation="quick_gelu", summary="last", causal=True),
    ),
    "touvron2023": Row(
        "the Transformer of 2023",
        "Touvron et al. 2023, LLaMA; Jordan et al. 2024, modded-nanogpt",
        "what stayed after five years of trials: rotary positions, norms of one scale, a gated inner part, no biases; "
        "queries and keys normed, each block beginning as the identity",
        "cost still grows with the square of the length",
        MODERN,
        MODERN,
    ),
    "mingru2024": Row(
        "recurrence in parallel",
        "Feng et al. 2024, Were RNNs All We Needed?",
        "recurrence trained along the whole sequence at once: gates read the input alone; the source is attended to",
        "a unit does not know what it remembers: only layers above choose by it",
        MinGRUConfig(),
        MinGRUConfig(),
    ),
}

SIZE: dict[str, Size] = {
    "tiny": Size(width=64, layers=2, recurrent=1, heads=4, dropout=0.1),
    "small": Size(width=256, layers=3, recurrent=1, heads=4, dropout=0.1),
    "base": Size(width=512, layers=6, recurrent=2, heads=8, dropout=0.1),
}
