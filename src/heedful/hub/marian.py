"""Marian (Junczys-Dowmunt et al. 2018), as OPUS-MT publishes translators: Vaswani's network, logits with a bias."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heedful.blocks.embedding import Sinusoidal, Tokens
from heedful.errors import HeedfulError
from heedful.hub import words
from heedful.hub.config import Config, activation_name
from heedful.hub.files import content_of
from heedful.hub.layout import Entry, Line, Table, parts, reshaping, same
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.networks.build import build_decoder, build_encoder
from heedful.networks.joins import EncoderDecoder
from heedful.networks.settings import decoder_settings
from heedful.schema import NetworkSettings

TASKS = {"MarianMTModel": ("translate",)}
POSITIONS = r"model\.(encoder|decoder)\.embed_positions\.weight"
COMPUTED = (POSITIONS,)
FILES = ("source.spm", "target.spm", "vocab.json", "target_vocab.json", "tokenizer_config.json")

BESIDE = "target"
"""The folder of the tokenizer of what is written, where it is another and none of sentencepiece's."""
SPECIAL = {"unknown": "<unk>", "end": "</s>", "pad": "<pad>"}

BLOCK = {
    "self_attention.query": "self_attn.q_proj",
    "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj",
    "self_attention.out": "self_attn.out_proj",
    "self_norm": "self_attn_layer_norm",
    "up": "fc1",
    "down": "fc2",
    "inner_norm": "final_layer_norm",
}
LOOK = {
    "memory.query": "encoder_attn.q_proj",
    "memory.key": "encoder_attn.k_proj",
    "memory.value": "encoder_attn.v_proj",
    "memory.out": "encoder_attn.out_proj",
    "memory_norm": "encoder_attn_layer_norm",
}


@dataclass(frozen=True)
class Pieces:
    """Two sentencepiece models, and the ids of their pieces, those of the source and of the target."""

    source: bytes
    target: bytes
    source_ids: Mapping[str, int]
    target_ids: Mapping[str, int]
    special: Mapping[str, str]
    limit: int | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def models(self) -> tuple[Any, Any]:
        """The two models. Raises HeedfulError if the package that reads them is not installed."""
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError:
            raise HeedfulError(
                "Marian's tokenizers are read by the package sentencepiece, which is not installed.",
                'Install it: pip install "heedful[marian]"',
            ) from None
        processors = SentencePieceProcessor(), SentencePieceProcessor()
        for processor, model in zip(processors, (self.source, self.target), strict=True):
            try:
                processor.LoadFromSerializedProto(model)
            except RuntimeError as error:
                raise HeedfulError(
                    f"A model of sentencepiece cannot be read: {error}.", "Its file may be incomplete."
                ) from None
        return processors

    def encode(self, text: str, special: bool = True, target: bool = False) -> list[int]:
        """The ids of a text, with the end if `special`; a language is named before it as >>fr<<."""
        code = text[: text.index("<<") + 2] if text.startswith(">>") and "<<" in text else ""
        table, unknown = (self.target_ids if target else self.source_ids), self.special["unknown"]
        pieces = [code] if code else []
        pieces += self.models[target].encode(text[len(code) :], out_type=str)
        ids = [table.get(piece, table[unknown]) for piece in pieces]
        return [*ids, table[self.special["end"]]] if special else ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the target's ids, without special tokens."""
        names = {number: piece for piece, number in self.target_ids.items()}
        pieces = [names[number] for number in ids if names[number] not in self.special.values()]
        return self.models[1].decode_pieces(pieces).replace("▁", " ").strip()

    def id(self, role: str) -> int | None:
        """The id of a special token in what is written, if there is one for that."""
        return self.target_ids.get(self.special.get(role, ""))


def read_words(folder: Path) -> Pieces | words.Words | None:
    """The tokenizers of a folder, that of what is read where they are no models of sentencepiece, None if there are
    none.
    """
    files = {name: content_of(folder / name) for name in FILES if (folder / name).exists()}
    if not {"source.spm", "target.spm", "vocab.json"} <= files.keys():
        return words.read(folder, SPECIAL)
    source_ids = words.json_of(files, "vocab.json", folder)
    target_ids = words.json_of(files, "target_vocab.json", folder) or source_ids
    settings = words.json_of(files, "tokenizer_config.json", folder)
    if "auto_map" in settings:
        raise words.own_code(folder / "tokenizer_config.json")
    special = dict(SPECIAL)
    special |= {role: words.token_text(settings[key]) for key, role in words.ROLES.items() if settings.get(key)}
    for token in (special["unknown"], special["end"]):
        if token not in source_ids or token not in target_ids:
            raise HeedfulError(f"The vocabulary in {folder} has no entry {token}.", "Take it as it was published.")
    limit = settings.get("model_max_length")
    limit = int(limit) if isinstance(limit, int) and limit < 1e9 else None
    return Pieces(files["source.spm"], files["target.spm"], source_ids, target_ids, special, limit, files)


def read_target_words(folder: Path) -> words.Words | None:
    """The tokenizer of what is written, if it has a folder of its own."""
    return words.read(folder / BESIDE, SPECIAL)


def write_words(pieces: Pieces) -> dict[str, bytes]:
    """The files of the tokenizers, as they came or made anew."""
    if pieces.files:
        return dict(pieces.files)
    vocabularies = {"vocab.json": json.dumps(dict(pieces.source_ids), ensure_ascii=False).encode()}
    if pieces.target_ids != pieces.source_ids:
        vocabularies["target_vocab.json"] = json.dumps(dict(pieces.target_ids), ensure_ascii=False).encode()
    settings = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": pieces.target_ids != pieces.source_ids}
    return {"source.spm": pieces.source, "target.spm": pieces.target, **vocabularies} | {
        "tokenizer_config.json": json.dumps(settings).encode()
    }


def plan(config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None) -> Plan:
    """What a config.json says of both sides."""
    for key in ("normalize_before", "normalize_embedding", "add_final_layer_norm", "add_bias_logits", "is_decoder"):
        config.only(key, False)
    config.only("static_position_embeddings", True)
    for key in ("extra_pos_embeddings", "num_hidden_layers", "classifier_dropout"):
        config.get(key, None)
    shared, tied = (config.only(f"{key}_embeddings", True, False) for key in ("share_encoder_decoder", "tie_word"))
    if shared and not tied:
        raise config.refuse("tie_word_embeddings", tied, "true, where both sides share their embeddings")
    width = config.number("d_model", 1024)
    if width % 2:
        raise config.refuse("d_model", width, "an even number")
    common = {
        "name": "vaswani2017",
        "width": width,
        "dropout": config.fraction("dropout", 0.1),
        "norm": "post",
        "positions": "sinusoidal",
        "activation": config.activation("activation_function", "gelu"),
        "tied": tied,
    }
    sides = {
        side: NetworkSettings(
            **common,
            depth=config.number(f"{side}_layers", 12),
            heads=config.number(f"{side}_attention_heads", 16),
            inner=config.number(f"{side}_ffn_dim", 4096),
        )
        for side in ("encoder", "decoder")
    }
    vocabulary = config.number("vocab_size", 58101)
    target = config.get("decoder_vocab_size", None)
    facts = {
        "vocabulary": vocabulary,
        "target": vocabulary if shared or target is None else config.number("decoder_vocab_size", vocabulary),
        "shared": shared,
        "scaled": config.only("scale_embedding", False, True),
        "longest": config.number("max_position_embeddings", 1024),
    }
    return Plan("marian", architecture, sides, facts)


def config_of(plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    facts, encoder, decoder = plan.facts, plan.sides["encoder"], plan.sides["decoder"]
    sides = {"encoder": encoder, "decoder": decoder}
    keys = {"layers": "depth", "attention_heads": "heads", "ffn_dim": "inner"}
    side_settings = {f"{name}_{key}": getattr(side, ours) for name, side in sides.items() for key, ours in keys.items()}
    ids = {f"{key}_token_id": facts[key] for key in ("pad", "eos", "decoder_start") if key in facts}
    return {
        "model_type": "marian",
        "architectures": [plan.architecture],
        "is_encoder_decoder": True,
        "d_model": encoder.width,
        "vocab_size": facts["vocabulary"],
        "decoder_vocab_size": facts["target"],
        "activation_function": activation_name(encoder.activation),
        "share_encoder_decoder_embeddings": facts["shared"],
        "tie_word_embeddings": decoder.tied,
        "scale_embedding": facts["scaled"],
        "max_position_embeddings": facts["longest"],
        **side_settings,
        **ids,
        **({"forced_eos_token_id": facts["eos"]} if "eos" in facts else {}),
    }


def plan_of(network: NetworkSettings, facts: Mapping[str, Any]) -> Plan:
    """The plan of a network that was trained here to translate; `facts`: both vocabularies, shared, longest, ids."""
    sizes = {key: facts[key] for key in ("vocabulary", "target", "shared", "longest", "pad", "eos", "decoder_start")}
    sides = {"encoder": replace(network, decoder_depth="auto"), "decoder": decoder_settings(network)}
    return Plan("marian", "MarianMTModel", sides, sizes | {"scaled": bool(network.tied)})


def build(plan: Plan) -> EncoderDecoder:
    """The network, with fresh weights."""
    facts, encoder, decoder = plan.facts, plan.sides["encoder"], plan.sides["decoder"]
    target = Tokens(facts["target"], int(decoder.width), facts["scaled"])
    source = target if facts["shared"] else Tokens(facts["vocabulary"], int(encoder.width), facts["scaled"])
    reads = build_encoder(encoder)
    return EncoderDecoder(source, reads, build_decoder(decoder, target, reads.widths))


def check_positions(theirs: Mapping[str, Tensor], where: str) -> None:
    """Raises HeedfulError if their sinusoidal positions are others than ours."""
    for name in ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"):
        if name not in theirs:
            continue
        count, width = theirs[name].shape
        ours = Sinusoidal(width)(torch.zeros(1, count, width), torch.arange(count).unsqueeze(0))[0]
        if not torch.allclose(ours, theirs[name].float(), atol=1e-3):
            raise HeedfulError(f"{name} in {where} has other position embeddings than Heedful's sinusoidal ones.")


def twins(plan: Plan) -> dict[str, str]:
    """Names under which some files hold a tensor once more, and under which it is read."""
    if plan.facts["shared"]:
        names = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")
        return dict.fromkeys(names, "model.shared.weight")
    return {"lm_head.weight": "model.decoder.embed_tokens.weight"} if plan.sides["decoder"].tied else {}


def table(plan: Plan) -> Table:
    """Where everything stands."""
    facts, encoder, decoder = plan.facts, plan.sides["encoder"], plan.sides["decoder"]
    count = facts["target"]
    bias = Line(("decoder.output.linear.bias",), "final_logits_bias", reshaping((count,), (1, count)))
    lines: list[Entry] = [bias]
    if facts["shared"]:
        lines.append(same("embedding.table.weight", "model.shared.weight"))
    else:
        lines.append(same("embedding.table.weight", "model.encoder.embed_tokens.weight"))
        lines.append(same("decoder.tokens.table.weight", "model.decoder.embed_tokens.weight"))
        if not decoder.tied:
            lines.append(same("decoder.output.linear.weight", "lm_head.weight"))
    for number in range(int(encoder.depth)):
        lines += parts(f"encoder.layers.layers.{number}.", f"model.encoder.layers.{number}.", BLOCK)
    for number in range(int(decoder.depth)):
        lines += parts(f"decoder.layers.layers.{number}.", f"model.decoder.layers.{number}.", BLOCK | LOOK)
    return lines
