"""BERT (Devlin et al. 2019): what its files call the parts of an encoder of texts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from heedful.hub import text_encoder, words
from heedful.hub.config import Config
from heedful.hub.family import Family
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.hub.text_encoder import TextEncoder
from heedful.schema import NetworkSettings

KEYS = {
    "width": "hidden_size",
    "depth": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "context": "max_position_embeddings",
    "dropout": "hidden_dropout_prob",
    "activation": "hidden_act",
    "epsilon": "layer_norm_eps",
}
BLOCK = {
    "self_attention.query": "attention.self.query",
    "self_attention.key": "attention.self.key",
    "self_attention.value": "attention.self.value",
    "self_attention.out": "attention.output.dense",
    "self_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "inner_norm": "output.LayerNorm",
}

NAMES = TextEncoder(
    family="bert",
    tasks={
        "BertModel": (),
        "BertForMaskedLM": ("fill",),
        "BertForPreTraining": ("fill",),
        "BertForSequenceClassification": ("classify",),
        "BertForTokenClassification": ("label",),
    },
    prefix="bert.",
    keys=KEYS,
    layers="encoder.layer.",
    block=BLOCK,
    filler={"linear": "cls.predictions.transform.dense", "norm": "cls.predictions.transform.LayerNorm"},
    decoder="cls.predictions.decoder",
    bias="cls.predictions.bias",
    classifier={"pooler": "bert.pooler.dense", "head": "classifier"},
    unused_names=(
        r"bert\.pooler\.dense\.(weight|bias)",
        r"cls\.seq_relationship\.(weight|bias)",
        r"cls\.predictions\.bias",
    ),
)


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says; some keys of its pooler were for another one."""
    for key in ("pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head"):
        config.get(key, None)
    config.only("pooler_type", "first_token_transform", None)
    config.get("directionality", None)
    return text_encoder.read_plan(NAMES, config, architecture, keys, pictures)


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to fill gaps; `facts`: its vocabulary. It knows of one text only."""
    return Plan("bert", "BertForMaskedLM", {"encoder": network}, {"vocabulary": facts["vocabulary"], "texts": 0})


def family() -> Family:
    """The row of this family."""
    return replace(NAMES.as_family(words.PIECES, "BertTokenizer"), plan=plan, plan_of=plan_of)
