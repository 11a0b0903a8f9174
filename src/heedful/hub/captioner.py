"""A ViT that is looked at by a GPT-2 (the layout VisionEncoderDecoder): pictures in, sentences out."""

from typing import Any

from heedful.blocks.embedding import Tokens
from heedful.hub import gpt2, vit, words
from heedful.hub.config import Config
from heedful.hub.layout import Entry, Table, parts, same
from heedful.hub.pictures import Preprocessing, refuse_none
from heedful.hub.plan import Plan
from heedful.networks.build import build_decoder
from heedful.networks.encoders import ProjectedEncoder
from heedful.networks.joins import EncoderDecoder

TASKS = {"VisionEncoderDecoderModel": ("caption",)}
COMPUTED = tuple(f"decoder\\.{pattern}" for pattern in gpt2.COMPUTED)
UNUSED_NAMES = (r"encoder\.pooler\.dense\.(weight|bias)",)
WORDS = words.BYTES


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says of both sides."""
    pictures = refuse_none(pictures, config.where)
    config.get("tie_word_embeddings", None)
    encoder_config, decoder_config = config.table_of("encoder"), config.table_of("decoder")
    encoder_config.only("model_type", "vit")
    decoder_config.only("model_type", "gpt2")
    decoder_config.only("cross_attention_hidden_size", None)
    encoder, encoder_facts = vit.encoder(encoder_config, pictures)
    decoder, decoder_facts = gpt2.decoder(decoder_config)
    encoder_config.refuse_unused()
    decoder_config.refuse_unused()
    return Plan("captioner", architecture, {"encoder": encoder, "decoder": decoder}, encoder_facts | decoder_facts)


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    decoder = {"model_type": "gpt2", "add_cross_attention": True}
    return {
        "model_type": "vision-encoder-decoder",
        "architectures": [plan.architecture],
        "is_encoder_decoder": True,
        "encoder": {"model_type": "vit"} | vit.settings(plan.sides["encoder"], plan.facts),
        "decoder": decoder | {"is_decoder": True} | gpt2.settings(plan.sides["decoder"], plan.facts),
    }


def build(plan: Plan) -> EncoderDecoder:
    """The network, with fresh weights."""
    embedding, encoder = vit.eyes(plan, plan.sides["encoder"])
    decoder = plan.sides["decoder"]
    reads = ProjectedEncoder(encoder, int(decoder.width)) if has_projection(plan) else encoder
    tokens = Tokens(plan.facts["vocabulary"], int(decoder.width))
    return EncoderDecoder(embedding, reads, build_decoder(decoder, tokens, reads.widths))


def has_projection(plan: Plan) -> bool:
    """Whether the two sides have different widths."""
    return plan.sides["encoder"].width != plan.sides["decoder"].width


def twins(plan: Plan) -> dict[str, str]:
    """Names under which some files hold a tensor once more, and under which it is read."""
    return {"decoder.lm_head.weight": "decoder.transformer.wte.weight"} if plan.sides["decoder"].tied else {}


def table(plan: Plan) -> Table:
    """Where everything stands."""
    decoder = plan.sides["decoder"]
    mind = "encoder.encoder." if has_projection(plan) else "encoder."
    lines: list[Entry] = vit.lines_of(plan, "embedding.", mind, "encoder.")
    lines += gpt2.lines_of("decoder.", "decoder.transformer.", int(decoder.depth), looks=True)
    if not decoder.tied:
        lines.append(same("decoder.output.linear.weight", "decoder.lm_head.weight"))
    return lines + (parts("encoder.", "", {"linear": "enc_to_dec_proj"}) if has_projection(plan) else [])
