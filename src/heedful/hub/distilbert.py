"""DistilBERT (Sanh et al. 2019): BERT with half the layers, one kind of text, and names of its own."""

from dataclasses import replace

from heedful.hub import text_encoder, words
from heedful.hub.config import Config
from heedful.hub.family import Family
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.hub.text_encoder import TextEncoder

NAMES = TextEncoder(
    family="distilbert",
    tasks={
        "DistilBertModel": (),
        "DistilBertForMaskedLM": ("fill",),
        "DistilBertForSequenceClassification": ("classify",),
        "DistilBertForTokenClassification": ("label",),
    },
    prefix="distilbert.",
    keys={
        "width": "dim",
        "depth": "n_layers",
        "heads": "n_heads",
        "inner": "hidden_dim",
        "context": "max_position_embeddings",
        "dropout": "dropout",
        "activation": "activation",
    },
    layers="transformer.layer.",
    block={
        "self_attention.query": "attention.q_lin",
        "self_attention.key": "attention.k_lin",
        "self_attention.value": "attention.v_lin",
        "self_attention.out": "attention.out_lin",
        "self_norm": "sa_layer_norm",
        "up": "ffn.lin1",
        "down": "ffn.lin2",
        "inner_norm": "output_layer_norm",
    },
    filler={"linear": "vocab_transform", "norm": "vocab_layer_norm"},
    decoder="vocab_projector",
    bias="vocab_projector.bias",
    classifier={"pooler": "pre_classifier", "head": "classifier"},
    between="relu",
    told_apart=False,
    depth=6,
)


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says. Sinusoidal positions stand in the table like learnt ones."""
    config.only("sinusoidal_pos_embds", False, True)
    config.get("tie_weights_", True)  # an older name that the library no longer reads
    return text_encoder.read_plan(NAMES, config, architecture, keys, pictures)


def family() -> Family:
    """The row of this family."""
    return replace(NAMES.as_family(words.PIECES, "DistilBertTokenizer"), plan=plan)
