"""GPT-2 (Radford et al. 2019), whose linear layers are kept with rows and columns changed, and three of them as one."""

from collections.abc import Mapping
from typing import Any

from heedful.hub import words
from heedful.hub.config import Config, activation_name
from heedful.hub.layout import TRANSPOSED, Line, Table, concatenation, parts, same
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.networks.build import language_model
from heedful.networks.joins import Network
from heedful.schema import NetworkSettings

TASKS = {"GPT2LMHeadModel": ("complete",), "GPT2Model": ("complete",)}
COMPUTED = (r"(.*\.)?h\.\d+\.(cross)?attn\.(bias|masked_bias)",)
PREFIX = "transformer."
WORDS = words.BYTES


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says. A model without a head can complete if its output layer is its embedding."""
    config.only("add_cross_attention", False)
    side, facts = decoder(config)
    if architecture == "GPT2Model":
        config.only("tie_word_embeddings", True)
    return Plan("gpt2", architecture, {"decoder": side}, facts)


def decoder(config: Config) -> tuple[NetworkSettings, dict[str, Any]]:
    """The settings of a decoder, and what they do not tell."""
    config.only("scale_attn_weights", True)
    config.only("scale_attn_by_inverse_layer_idx", False)
    config.only("reorder_and_upcast_attn", False)
    for key in ("n_ctx", "add_cross_attention", "is_decoder", "tie_encoder_decoder", *SUMMARY):
        config.get(key, None)
    width = config.number("n_embd", 768)
    side = NetworkSettings(
        name="gpt",
        width=width,
        depth=config.number("n_layer", 12),
        heads=config.number("n_head", 12),
        inner=4 * width if config.get("n_inner", None) is None else config.number("n_inner", 4 * width),
        dropout=config.fraction("resid_pdrop", 0.1),
        norm="pre",
        positions="learned",
        context=config.number("n_positions", 1024),
        activation=config.activation("activation_function", "gelu_new"),
        epsilon=config.positive("layer_norm_epsilon", 1e-5),
        tied=config.only("tie_word_embeddings", True, False),
    )
    return side, {"vocabulary": config.number("vocab_size", 50257)}


SUMMARY = ("summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout")
"""What a head for choices would use, which neither architecture has."""


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    return {"model_type": "gpt2", "architectures": [plan.architecture]} | settings(plan.sides["decoder"], plan.facts)


def settings(side: NetworkSettings, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a decoder."""
    # a width that is left out is four times the other one, and stays left out
    inner = {} if side.inner == 4 * int(side.width) else {"n_inner": side.inner}
    return inner | {
        "vocab_size": facts["vocabulary"],
        "n_positions": side.context,
        "n_embd": side.width,
        "n_layer": side.depth,
        "n_head": side.heads,
        "activation_function": activation_name(side.activation),
        "layer_norm_epsilon": side.epsilon,
        "tie_word_embeddings": side.tied,
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to complete; `facts`: its vocabulary."""
    return Plan("gpt2", "GPT2LMHeadModel", {"decoder": network}, {"vocabulary": facts["vocabulary"]})


def build(plan: Plan) -> Network:
    """The network, with fresh weights."""
    return language_model(plan.sides["decoder"], plan.facts["vocabulary"])


def twins(plan: Plan) -> dict[str, str]:
    """Names under which some files hold a tensor once more, and under which it is read."""
    prefix = "" if plan.architecture == "GPT2Model" else PREFIX
    return {"lm_head.weight": f"{prefix}wte.weight"} if plan.sides["decoder"].tied else {}


def table(plan: Plan) -> Table:
    """Where everything stands."""
    prefix = "" if plan.architecture == "GPT2Model" else PREFIX
    side = plan.sides["decoder"]
    lines = lines_of("decoder.", prefix, int(side.depth))
    return lines if side.tied else [*lines, same("decoder.output.linear.weight", "lm_head.weight")]


def lines_of(ours: str, theirs: str, depth: int, looks: bool = False) -> list[Line]:
    """A decoder; `looks`: at a memory."""
    lines = [
        same(f"{ours}tokens.table.weight", f"{theirs}wte.weight"),
        same(f"{ours}positions.table.weight", f"{theirs}wpe.weight"),
        *parts(f"{ours}layers.", theirs, {"norm": "ln_f"}),
    ]
    for number in range(depth):
        block, other = f"{ours}layers.layers.{number}.", f"{theirs}h.{number}."
        lines += parts(block, other, {"self_norm": "ln_1", "inner_norm": "ln_2"})
        lines += parts(block, other, {"self_attention.out": "attn.c_proj", "up": "mlp.c_fc"}, TRANSPOSED)
        lines += parts(block, other, {"down": "mlp.c_proj"}, TRANSPOSED)
        lines += together(f"{block}self_attention.", ("query", "key", "value"), f"{other}attn.c_attn")
        if looks:
            lines += parts(block, other, {"memory_norm": "ln_cross_attn"})
            names = {"memory.query": "crossattention.q_attn", "memory.out": "crossattention.c_proj"}
            lines += parts(block, other, names, TRANSPOSED)
            lines += together(f"{block}memory.", ("key", "value"), f"{other}crossattention.c_attn")
    return lines


def together(ours: str, names: tuple[str, ...], theirs: str) -> list[Line]:
    """Several linear layers that they keep as one."""
    return [
        Line(
            tuple(f"{ours}{name}.{kind}" for name in names),
            f"{theirs}.{kind}",
            concatenation(len(names), kind == "weight"),
        )
        for kind in ("weight", "bias")
    ]
