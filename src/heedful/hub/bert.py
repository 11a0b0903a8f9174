"""BERT (Devlin et al. 2019) and what shares its layout, with and without the layers on top."""

from collections.abc import Mapping
from typing import Any

from heedful.blocks.embedding import Tokens
from heedful.errors import HeedfulError
from heedful.hub import words
from heedful.hub.config import Config, activation_name
from heedful.hub.layout import Entry, Extra, Table, parts, same
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.networks.build import build_encoder
from heedful.networks.embeddings import SegmentEmbedding
from heedful.networks.heads import TokenHead
from heedful.networks.joins import EncoderAlone, EncoderHead, MaskedLanguageModel, Network
from heedful.schema import NetworkSettings

TASKS = {
    "BertModel": (),
    "BertForMaskedLM": ("fill",),
    "BertForPreTraining": ("fill",),
    "BertForSequenceClassification": ("classify",),
    "BertForTokenClassification": ("label",),
}
COMPUTED = (r"(bert\.)?embeddings\.(position_ids|token_type_ids)",)
UNUSED_NAMES = (
    r"bert\.pooler\.dense\.(weight|bias)",
    r"cls\.seq_relationship\.(weight|bias)",
    r"cls\.predictions\.bias",
)
PREFIX = "bert."
WORDS = words.PIECES
FILLERS = ("BertForMaskedLM", "BertForPreTraining")

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
HEAD = {"linear": "cls.predictions.transform.dense", "norm": "cls.predictions.transform.LayerNorm"}


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says, and which of the layers on top there are."""
    config.only("is_decoder", False)
    config.only("add_cross_attention", False)
    config.only("position_embedding_type", "absolute")
    config.only("problem_type", None, "single_label_classification")
    for key in ("pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head"):
        config.get(key, None)
    config.only("pooler_type", "first_token_transform", None)
    config.get("directionality", None)
    side = NetworkSettings(
        name="bert",
        width=config.number("hidden_size", 768),
        depth=config.number("num_hidden_layers", 12),
        heads=config.number("num_attention_heads", 12),
        inner=config.number("intermediate_size", 3072),
        dropout=config.fraction("hidden_dropout_prob", 0.1),
        norm="post",
        positions="learned",
        context=config.number("max_position_embeddings", 512),
        activation=config.activation("hidden_act", "gelu"),
        epsilon=config.positive("layer_norm_eps", 1e-12),
        tied=config.only("tie_word_embeddings", True, False),
    )
    facts: dict[str, Any] = {
        "vocabulary": config.number("vocab_size", 30522),
        "texts": config.number("type_vocab_size", 2),
    }
    if architecture == "BertModel":
        facts["pooler"] = "pooler.dense.weight" in keys
    if architecture in ("BertForSequenceClassification", "BertForTokenClassification"):
        facts["names"] = config_names(config)
    return Plan("bert", architecture, {"encoder": side}, facts)


def config_names(config: Config) -> list[str]:
    """The names of classes in the order of their numbers; raises HeedfulError where a number is left out."""
    labels = config.table.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    numbers = [str(number) for number in range(len(labels))]
    if not isinstance(labels, dict) or {*labels} != {*numbers}:
        raise HeedfulError(f"{config.where}: id2label does not have a name for each number from 0 on.")
    if len(labels) < 2:
        raise HeedfulError(f"{config.where} has one label: this is regression, not classification.")
    return [str(labels[number]) for number in numbers]


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    side, facts = plan.sides["encoder"], plan.facts
    names = facts.get("names", [])
    labels = {"id2label": {str(i): name for i, name in enumerate(names)}} if names else {}
    labels |= {"label2id": {name: i for i, name in enumerate(names)}} if names else {}
    return {
        "model_type": "bert",
        "architectures": [plan.architecture],
        "vocab_size": facts["vocabulary"],
        "type_vocab_size": max(1, facts["texts"]),
        "hidden_size": side.width,
        "num_hidden_layers": side.depth,
        "num_attention_heads": side.heads,
        "intermediate_size": side.inner,
        "max_position_embeddings": side.context,
        "hidden_act": activation_name(side.activation),
        "layer_norm_eps": side.epsilon,
        "tie_word_embeddings": side.tied is not False,
        **labels,
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to fill gaps; `facts`: its vocabulary. It knows of one text only."""
    return Plan("bert", "BertForMaskedLM", {"encoder": network}, {"vocabulary": facts["vocabulary"], "texts": 0})


def build(plan: Plan) -> Network:
    """The network, with fresh weights."""
    side, facts = plan.sides["encoder"], plan.facts
    tokens = Tokens(facts["vocabulary"], int(side.width))
    embedding = SegmentEmbedding(tokens, facts["texts"]) if facts["texts"] else tokens
    encoder = build_encoder(side)
    if plan.architecture == "BertModel":
        return EncoderAlone(embedding, encoder, int(side.width) if facts["pooler"] else 0)
    if plan.architecture in FILLERS:
        assert side.activation != "auto" and side.epsilon != "auto"
        head = TokenHead(tokens, bool(side.tied), side.activation, side.epsilon)
        return MaskedLanguageModel(embedding, encoder, head)
    classifies = plan.architecture == "BertForSequenceClassification"
    pool = "class" if classifies else "each"
    return EncoderHead(embedding, encoder, len(facts["names"]), pool, float(side.dropout), pooler=classifies)


def twins(plan: Plan) -> dict[str, str]:
    """Names under which some files hold a tensor once more, and under which it is read."""
    if plan.architecture not in FILLERS or not plan.sides["encoder"].tied:
        return {}
    table = "bert.embeddings.word_embeddings.weight"
    return {"cls.predictions.decoder.weight": table, "cls.predictions.decoder.bias": "cls.predictions.bias"}


def table(plan: Plan) -> Table:
    """Where everything stands."""
    prefix = "" if plan.architecture == "BertModel" else PREFIX
    side, facts = plan.sides["encoder"], plan.facts
    tokens = "embedding.tokens.table.weight" if facts["texts"] else "embedding.table.weight"
    lines: list[Entry] = [
        same(tokens, f"{prefix}embeddings.word_embeddings.weight"),
        same("encoder.positions.table.weight", f"{prefix}embeddings.position_embeddings.weight"),
        *parts("encoder.", f"{prefix}embeddings.", {"first_norm": "LayerNorm"}),
    ]
    texts = f"{prefix}embeddings.token_type_embeddings.weight"
    lines.append(same("embedding.texts.weight", texts) if facts["texts"] else Extra(texts, (1, int(side.width))))
    for number in range(int(side.depth)):
        lines += parts(f"encoder.layers.layers.{number}.", f"{prefix}encoder.layer.{number}.", BLOCK)
    if plan.architecture in FILLERS:
        lines += parts("head.", "", HEAD)
        if side.tied:
            lines.append(same("head.output.linear.bias", "cls.predictions.bias"))
        else:
            lines += parts("head.output.", "cls.predictions.", {"linear": "decoder"})
    if facts.get("pooler") or plan.architecture == "BertForSequenceClassification":
        lines += parts("", prefix, {"pooler": "pooler.dense"})
    if "names" in facts:
        lines += parts("", "", {"head": "classifier"})
    return lines
