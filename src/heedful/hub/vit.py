"""ViT (Dosovitskiy et al. 2021), with a head for classes or without one."""

from collections.abc import Mapping
from typing import Any

from heedful.hub.config import Config, activation_name
from heedful.hub.layout import Blank, Entry, Line, Table, Tensors, parts, reshaping, same
from heedful.hub.pictures import Preprocessing, refuse_none
from heedful.hub.plan import Plan
from heedful.hub.text_encoder import class_names
from heedful.networks.build import build_encoder
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.encoders import TransformerEncoder
from heedful.networks.joins import EncoderAlone, EncoderHead, Network
from heedful.schema import NetworkSettings

TASKS = {"ViTModel": (), "ViTForImageClassification": ("classify",)}
UNUSED_NAMES = (r"vit\.pooler\.dense\.(weight|bias)",)
PREFIX = "vit."

QUESTIONS = ("query", "key", "value")
BLOCK = {
    "self_attention.out": "attention.output.dense",
    "self_norm": "layernorm_before",
    "up": "intermediate.dense",
    "down": "output.dense",
    "inner_norm": "layernorm_after",
}


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says, and whether there is a layer on top."""
    config.only("problem_type", None, "single_label_classification")
    side, facts = encoder(config, pictures)
    if architecture == "ViTModel":
        pooled = "pooler.dense.weight" in keys
        facts["pooled"] = config.number("pooler_output_size", int(side.width)) if pooled else 0
    else:
        facts["names"] = class_names(config)
    return Plan("vit", architecture, {"encoder": side}, facts)


def encoder(config: Config, pictures: Preprocessing | None) -> tuple[NetworkSettings, dict[str, Any]]:
    """The settings of an encoder, and what they do not tell."""
    pictures = refuse_none(pictures, config.where)
    config.only("pooler_act", "tanh")
    for key in ("encoder_stride", "pooler_output_size", "is_decoder", "add_cross_attention", "tie_word_embeddings"):
        config.get(key, None)
    side = NetworkSettings(
        name="vit",
        width=config.number("hidden_size", 768),
        depth=config.number("num_hidden_layers", 12),
        heads=config.number("num_attention_heads", 12),
        inner=config.number("intermediate_size", 3072),
        dropout=config.fraction("hidden_dropout_prob", 0.0),
        norm="pre",
        positions="line",
        patch=config.side("patch_size", 16),
        stem=0,
        activation=config.activation("hidden_act", "gelu"),
        epsilon=config.positive("layer_norm_eps", 1e-12),
    )
    facts = {"size": config.side("image_size", 224), "biased": config.only("qkv_bias", True, False)}
    return side, facts | pictures.colours(config.number("num_channels", 3), facts["size"], int(side.patch), config)


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    names = plan.facts.get("names", [])
    labels = {"id2label": {str(i): name for i, name in enumerate(names)}} if names else {}
    labels |= {"label2id": {name: i for i, name in enumerate(names)}} if names else {}
    about = {"model_type": "vit", "architectures": [plan.architecture]} | settings(plan.sides["encoder"], plan.facts)
    return about | labels


def settings(side: NetworkSettings, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of an encoder."""
    return {
        "hidden_size": side.width,
        "num_hidden_layers": side.depth,
        "num_attention_heads": side.heads,
        "intermediate_size": side.inner,
        "hidden_act": activation_name(side.activation),
        "layer_norm_eps": side.epsilon,
        "image_size": facts["size"],
        "patch_size": side.patch,
        "num_channels": len(facts["mean"]),
        "qkv_bias": facts["biased"],
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to classify pictures; `facts`: size, mean, std and names."""
    sizes = {key: facts[key] for key in ("size", "mean", "std", "names")}
    return Plan("vit", "ViTForImageClassification", {"encoder": network}, sizes | {"biased": True})


def build(plan: Plan) -> Network:
    """The network, with fresh weights."""
    side, facts = plan.sides["encoder"], plan.facts
    embedding, encoder = eyes(plan, side)
    if plan.architecture == "ViTModel":
        return EncoderAlone(embedding, encoder, facts["pooled"])
    return EncoderHead(embedding, encoder, len(facts["names"]), "summary", float(side.dropout))


def eyes(plan: Plan, side: NetworkSettings) -> tuple[PictureEmbedding, TransformerEncoder]:
    """What reads pictures."""
    assert isinstance(side.patch, int)
    embedding = PictureEmbedding(plan.pixels(plan.facts["size"]), int(side.width), side.patch, 0, "line", token=True)
    encoder = build_encoder(side, embeds_positions=True)
    assert isinstance(encoder, TransformerEncoder)
    return embedding, encoder


def prepare_weights(plan: Plan, weights: Tensors) -> tuple[Plan, Tensors]:
    """Before they are given away: biases that were zero because there were none are given too once they are not."""
    ends = tuple(f"self_attention.{part}.bias" for part in QUESTIONS)
    biases = [name for name in weights if name.startswith("encoder.") and name.endswith(ends)]
    if not plan.facts["biased"] and any(bool(weights[name].any()) for name in biases):
        plan = Plan(plan.family, plan.architecture, plan.sides, {**plan.facts, "biased": True}, plan.config)
    return plan, weights


def table(plan: Plan) -> Table:
    """Where everything stands."""
    prefix = "" if plan.architecture == "ViTModel" else PREFIX
    lines = lines_of(plan, "embedding.", "encoder.", prefix)
    if plan.facts.get("pooled"):
        lines += parts("", prefix, {"pooler": "pooler.dense"})
    if "names" in plan.facts:
        lines += parts("", "", {"head": "classifier"})
    return lines


def lines_of(plan: Plan, sight: str, mind: str, theirs: str) -> list[Entry]:
    """What reads pictures: their embedding and their encoder, by our names."""
    side, facts = plan.sides["encoder"], plan.facts
    width, patch, colours = int(side.width), int(side.patch), len(facts["mean"])
    count = (facts["size"] // patch) ** 2 + 1
    square = reshaping((width, colours * patch * patch), (width, colours, patch, patch))
    lines: list[Entry] = [
        Line((f"{sight}token",), f"{theirs}embeddings.cls_token", reshaping((width,), (1, 1, width))),
        Line(
            (f"{sight}line.table.weight",),
            f"{theirs}embeddings.position_embeddings",
            reshaping((count, width), (1, count, width)),
        ),
        Line((f"{sight}patches.linear.weight",), f"{theirs}embeddings.patch_embeddings.projection.weight", square),
        same(f"{sight}patches.linear.bias", f"{theirs}embeddings.patch_embeddings.projection.bias"),
        *parts(f"{mind}layers.", theirs, {"norm": "layernorm"}),
    ]
    for number in range(int(side.depth)):
        block, other = f"{mind}layers.layers.{number}.", f"{theirs}encoder.layer.{number}."
        lines += parts(block, other, BLOCK)
        for part in QUESTIONS:
            ours, name = f"{block}self_attention.{part}", f"{other}attention.attention.{part}"
            lines.append(same(f"{ours}.weight", f"{name}.weight"))
            bias = f"{ours}.bias"
            lines.append(same(bias, f"{name}.bias") if facts["biased"] else Blank(bias, (width,)))
    return lines
