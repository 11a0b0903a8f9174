"""Qwen3 (Yang et al. 2025): a decoder with rotary positions, RMS norms, normed queries and keys, a gated inner part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError
from heedful.hub import words
from heedful.hub.config import Config, activation_name
from heedful.hub.family import Family
from heedful.hub.layout import Table, same
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.hub.words import Words
from heedful.networks.build import language_model
from heedful.networks.joins import Network
from heedful.schema import NetworkSettings

ARCHITECTURE = "Qwen3ForCausalLM"
PREFIX = "model."
BASE = 10_000.0  # of the wavelengths of rotary positions
NAMES = {
    "self_norm": "input_layernorm",
    "inner_norm": "post_attention_layernorm",
    "self_attention.query": "self_attn.q_proj",
    "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj",
    "self_attention.out": "self_attn.o_proj",
    "self_attention.query_norm": "self_attn.q_norm",
    "self_attention.key_norm": "self_attn.k_norm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def family() -> Family:
    """The row of the table of families."""
    return Family(
        {ARCHITECTURE: ("complete",)},
        plan,
        config_of,
        build,
        table,
        plan_of,
        prefix=PREFIX,
        twins=twins,
        words=read_words,
        tokenizer="PreTrainedTokenizerFast",
    )


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says; keys that several heads share, windows and other wavelengths are refused."""
    for key in ("sliding_window", "max_window_layers", "pretraining_tp"):
        config.get(key, None)
    config.only("use_sliding_window", False)
    config.only("attention_bias", False)
    depth, width = config.number("num_hidden_layers", 32), config.number("hidden_size", 4096)
    config.only("layer_types", None, ["full_attention"] * depth)
    check_rotary(config)
    side = NetworkSettings(
        name="touvron2023",
        width=width,
        depth=depth,
        heads=heads(config, width),
        inner=config.number("intermediate_size", 22016),
        dropout=0.0,
        norm="pre",
        positions="rotary",
        activation=config.activation("hidden_act", "silu"),
        epsilon=config.positive("rms_norm_eps", 1e-6),
        tied=config.only("tie_word_embeddings", False, True),
    )
    sizes = {
        "vocabulary": config.number("vocab_size", 151_936),
        "window": config.number("max_position_embeddings", 32_768),
    }
    return Plan("qwen3", architecture, {"decoder": side}, sizes)


def heads(config: Config, width: int) -> int:
    """The heads of attention, each with keys of its own and its share of the width."""
    count = config.number("num_attention_heads", 32)
    if (of_keys := config.get("num_key_value_heads", 32)) not in (None, count):
        raise config.refuse("num_key_value_heads", of_keys, f"keys and values for each of the {count} heads")
    if (of_head := config.get("head_dim", 128)) * count != width:
        raise config.refuse("head_dim", of_head, f"heads that share the width: {count} of {width / count:g}")
    if of_head % 2:
        raise config.refuse("head_dim", of_head, "even ones: rotary positions turn pairs of coordinates")
    return count


def check_rotary(config: Config) -> None:
    """Raises HeedfulError for wavelengths that are not ours; newer files have them in a table, older ones beside it."""
    config.only("rope_scaling", None)
    config.only("rope_theta", BASE, int(BASE))
    if config.get("rope_parameters", None) is not None:
        rotary = config.table_of("rope_parameters")
        rotary.only("rope_type", "default")
        rotary.only("rope_theta", BASE, int(BASE))
        rotary.refuse_unused()


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    side = plan.sides["decoder"]
    return {
        "model_type": "qwen3",
        "architectures": [plan.architecture],
        "vocab_size": plan.facts["vocabulary"],
        "hidden_size": side.width,
        "intermediate_size": side.inner,
        "num_hidden_layers": side.depth,
        "num_attention_heads": side.heads,
        "num_key_value_heads": side.heads,
        "head_dim": int(side.width) // int(side.heads),
        "hidden_act": activation_name(side.activation),
        "max_position_embeddings": plan.facts["window"],
        "rms_norm_eps": side.epsilon,
        "rope_parameters": {"rope_type": "default", "rope_theta": BASE},
        "tie_word_embeddings": side.tied,
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to complete; `facts`: its vocabulary and window."""
    return Plan("qwen3", ARCHITECTURE, {"decoder": network}, {key: facts[key] for key in ("vocabulary", "window")})


def build(plan: Plan) -> Network:
    """The network, with fresh weights."""
    return language_model(plan.sides["decoder"], plan.facts["vocabulary"])


def twins(plan: Plan) -> dict[str, str]:
    """The name under which some files hold the embedding once more."""
    return {"lm_head.weight": f"{PREFIX}embed_tokens.weight"} if plan.sides["decoder"].tied else {}


def table(plan: Plan) -> Table:
    """Where everything stands."""
    side = plan.sides["decoder"]
    lines = [
        same("decoder.tokens.table.weight", f"{PREFIX}embed_tokens.weight"),
        same("decoder.layers.norm.weight", f"{PREFIX}norm.weight"),
    ]
    for number in range(int(side.depth)):
        block, other = f"decoder.layers.layers.{number}.", f"{PREFIX}layers.{number}."
        lines += [same(f"{block}{ours}.weight", f"{other}{theirs}.weight") for ours, theirs in NAMES.items()]
    return lines if side.tied else [*lines, same("decoder.output.linear.weight", "lm_head.weight")]


def read_words(folder: Path) -> Words | None:
    """The tokenizer; raises HeedfulError for a vocabulary and merges alone, which do not say how texts are cut."""
    if (folder / "vocab.json").exists() and not (folder / "tokenizer.json").exists():
        raise HeedfulError(
            f"{folder} has its tokenizer in vocab.json and merges.txt alone.",
            "Make a tokenizer.json of it once, where transformers is installed:\n"
            f'AutoTokenizer.from_pretrained("{folder.name}").save_pretrained("{folder.name}")',
        )
    return words.read(folder, words.BYTES)
