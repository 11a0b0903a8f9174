"""CLIP (Radford et al. 2021): one encoder for pictures and one for texts."""

import math
from collections.abc import Mapping
from typing import Any

from heedful.blocks.embedding import Tokens
from heedful.errors import HeedfulError
from heedful.hub import words
from heedful.hub.config import Config, activation_name
from heedful.hub.layout import Blank, Entry, Line, Table, Tensors, parts, reshaping, same
from heedful.hub.pictures import Preprocessing, refuse_none
from heedful.hub.plan import Plan
from heedful.hub.vit import eyes
from heedful.networks.build import build_encoder
from heedful.networks.joins import TwoTowers
from heedful.schema import NetworkSettings

TASKS = {"CLIPModel": ("match",)}
COMPUTED = (r"(text|vision)_model\.embeddings\.position_ids",)
WORDS = words.CLIP

BLOCK = {
    "self_attention.query": "self_attn.q_proj",
    "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj",
    "self_attention.out": "self_attn.out_proj",
    "self_norm": "layer_norm1",
    "up": "mlp.fc1",
    "down": "mlp.fc2",
    "inner_norm": "layer_norm2",
}


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says of both towers."""
    pictures = refuse_none(pictures, config.where)
    config.get("logit_scale_init_value", None)
    config.only("text_config_dict", None)
    config.only("vision_config_dict", None)
    vision, language = config.table_of("vision_config"), config.table_of("text_config")
    picture = tower(vision, 768, 12, 3072, positions="line", patch=vision.side("patch_size", 32), stem=0)
    text = tower(language, 512, 8, 2048, positions="learned", context=language.number("max_position_embeddings", 77))
    facts = {
        "vocabulary": language.number("vocab_size", 49408),
        "size": vision.side("image_size", 224),
        "space": config.number("projection_dim", 512),
    }
    facts |= pictures.colours(vision.number("num_channels", 3), facts["size"], int(picture.patch), vision)
    vision.refuse_unused()
    language.refuse_unused()
    return Plan("clip", architecture, {"picture": picture, "text": text}, facts)


def tower(config: Config, width: int, heads: int, inner: int, **extra: Any) -> NetworkSettings:
    """The settings of one of the two."""
    for key in ("projection_dim", "attention_dropout", "is_decoder", "add_cross_attention", "tie_word_embeddings"):
        config.get(key, None)
    return NetworkSettings(
        name="clip",
        width=config.number("hidden_size", width),
        depth=config.number("num_hidden_layers", 12),
        heads=config.number("num_attention_heads", heads),
        inner=config.number("intermediate_size", inner),
        dropout=0.0,
        norm="pre",
        activation=config.activation("hidden_act", "quick_gelu"),
        epsilon=config.positive("layer_norm_eps", 1e-5),
        **extra,
    )


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan: the library wants both towers to name the space, too."""
    facts, picture, text = plan.facts, plan.sides["picture"], plan.sides["text"]
    space = facts["space"]
    vision = keys_of(picture) | {"image_size": facts["size"], "patch_size": picture.patch}
    language = keys_of(text) | {"vocab_size": facts["vocabulary"], "max_position_embeddings": text.context}
    return {
        "model_type": "clip",
        "architectures": [plan.architecture],
        "projection_dim": space,
        "vision_config": vision | {"num_channels": len(facts["mean"])},
        "text_config": language | ({"eos_token_id": facts["end"]} if "end" in facts else {}),
    }


def keys_of(side: NetworkSettings) -> dict[str, Any]:
    """What both towers have."""
    return {
        "hidden_size": side.width,
        "num_hidden_layers": side.depth,
        "num_attention_heads": side.heads,
        "intermediate_size": side.inner,
        "hidden_act": activation_name(side.activation),
        "layer_norm_eps": side.epsilon,
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to match; `facts`: vocabulary, the id of the end, size, mean, std."""
    sizes = {key: facts[key] for key in ("vocabulary", "end", "size", "mean", "std")}
    sides = {"picture": network, "text": network}
    return Plan("clip", "CLIPModel", sides, sizes | {"space": int(network.width)})


def build(plan: Plan) -> TwoTowers:
    """The network, with fresh weights."""
    picture, text = plan.sides["picture"], plan.sides["text"]
    embedding, encoder = eyes(plan, picture)
    tokens = Tokens(plan.facts["vocabulary"], int(text.width))
    return TwoTowers(embedding, tokens, (encoder, build_encoder(text, for_text=True)), plan.facts["space"])


def check_scale(plan: Plan, weights: Tensors) -> None:
    """Raises HeedfulError where similarities are scaled by more than the network here does."""
    if float(weights["scale"]) > math.log(100) + 1e-4:
        raise HeedfulError(f"logit_scale is {float(weights['scale']):.4f}; Heedful's is at most log 100.")


def prepare_weights(plan: Plan, weights: Tensors) -> tuple[Plan, Tensors]:
    """Before they are given away: their patches have no bias, so ours is given to the places of patches."""
    bias, positions = weights["embeddings.0.patches.linear.bias"], weights["embeddings.0.line.table.weight"]
    if bias.any():
        moved = positions.clone()
        moved[1:] += bias
        weights = {**weights, "embeddings.0.patches.linear.bias": bias * 0, "embeddings.0.line.table.weight": moved}
    return plan, weights


def table(plan: Plan) -> Table:
    """Where everything stands."""
    picture, text = plan.sides["picture"], plan.sides["text"]
    width, patch, colours = int(picture.width), int(picture.patch), len(plan.facts["mean"])
    sight, square = "embeddings.0.", reshaping((width, colours * patch * patch), (width, colours, patch, patch))
    lines: list[Entry] = [
        same(f"{sight}token", "vision_model.embeddings.class_embedding"),
        same(f"{sight}line.table.weight", "vision_model.embeddings.position_embedding.weight"),
        Line((f"{sight}patches.linear.weight",), "vision_model.embeddings.patch_embedding.weight", square),
        Blank(f"{sight}patches.linear.bias", (width,)),
        *parts("encoders.0.", "vision_model.", {"first_norm": "pre_layrnorm", "layers.norm": "post_layernorm"}),
        same("embeddings.1.table.weight", "text_model.embeddings.token_embedding.weight"),
        same("encoders.1.positions.table.weight", "text_model.embeddings.position_embedding.weight"),
        *parts("encoders.1.", "text_model.", {"layers.norm": "final_layer_norm"}),
        same("projections.0.weight", "visual_projection.weight"),
        same("projections.1.weight", "text_projection.weight"),
        same("scale", "logit_scale"),
    ]
    for tower, side, theirs in ((0, picture, "vision_model"), (1, text, "text_model")):
        for number in range(int(side.depth)):
            lines += parts(f"encoders.{tower}.layers.layers.{number}.", f"{theirs}.encoder.layers.{number}.", BLOCK)
    return lines
