"""Encoders of texts, with and without the layers on top: what BERT (Devlin et al. 2019) and its kin have in common.

A family says what its files call the parts (`TextEncoder`); which parts there are is the same for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from heedful.blocks.embedding import Learned, Tokens
from heedful.blocks.names import Activation
from heedful.errors import HeedfulError
from heedful.hub.config import Config, activation_name
from heedful.hub.family import Family, plain_words
from heedful.hub.layout import Entry, Extra, Table, parts, same
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.networks.build import build_encoder
from heedful.networks.embeddings import SegmentEmbedding
from heedful.networks.encoders import Encoder, TransformerEncoder
from heedful.networks.heads import TokenHead
from heedful.networks.joins import EncoderAlone, EncoderHead, MaskedLanguageModel, Network, PoolerActivation
from heedful.schema import NetworkSettings

CLASSIFIER, LABELLER = "ForSequenceClassification", "ForTokenClassification"
"""How architectures end that give a class, or a label for each token."""
EMBEDDINGS = "embeddings."
POOLER = {"pooler": "pooler.dense"}


@dataclass(frozen=True)
class TextEncoder:
    """What a family's files call the parts of its encoders.

    `keys`: of config.json, by our names of settings; `epsilon`: where that is no setting. `block`: the parts of a
    layer, `layers` what they stand in. `filler`: the parts that tell tokens, `decoder` the last one, `bias` its bias
    where it is tied; `filler_activation`: where it is another than the encoder's. `classifier`: the parts that give a
    class; what stands between them is `between`. `told_apart`: texts have a number; `padded`: the first rows of
    positions, up to that of the padding's id, stand for none.
    """

    family: str
    tasks: Mapping[str, tuple[str, ...]]
    prefix: str
    keys: Mapping[str, str]
    layers: str
    block: Mapping[str, str]
    filler: Mapping[str, str]
    decoder: str
    bias: str
    classifier: Mapping[str, str]
    unused_names: tuple[str, ...] = ()
    epsilon: float = 1e-12
    between: PoolerActivation = "tanh"
    filler_activation: Activation | None = None
    told_apart: bool = True
    padded: bool = False
    depth: int = 12

    def as_family(self, words: Mapping[str, str], tokenizer: str) -> Family:
        """The row of a family whose tokenizers have these special tokens."""
        computed = (rf"({self.prefix})?{EMBEDDINGS}(position_ids|token_type_ids)".replace(".", r"\."),)
        return Family(
            self.tasks,
            partial(read_plan, self),
            partial(write_config, self),
            partial(build, self),
            partial(table, self),
            prefix=self.prefix,
            computed=computed,
            unused_names=self.unused_names,
            twins=partial(twins, self),
            words=plain_words(words),
            tokenizer=tokenizer,
        )

    def fills(self, plan: Plan) -> bool:
        """Whether an architecture tells tokens."""
        return self.tasks[plan.architecture] == ("fill",)

    def is_base(self, plan: Plan) -> bool:
        """Whether an architecture has no layers on top."""
        return not self.tasks[plan.architecture]


def read_plan(
    names: TextEncoder, config: Config, architecture: str, keys: set[str], pictures: Preprocessing | None
) -> Plan:
    """What a config.json says, and which of the layers on top there are."""
    config.only("is_decoder", False)
    config.only("add_cross_attention", False)
    config.only("position_embedding_type", "absolute")
    config.only("problem_type", None, "single_label_classification")
    first = padding_rows(config) if names.padded else 0
    sizes = {"width": 768, "depth": names.depth, "heads": 12, "inner": 3072, "context": 512 + first}
    numbers = {key: config.number(names.keys[key], size) for key, size in sizes.items()}
    if numbers["context"] <= first:
        raise config.refuse(names.keys["context"], numbers["context"], f"a whole number above {first}")
    side = NetworkSettings(
        name="bert",
        width=numbers["width"],
        depth=numbers["depth"],
        heads=numbers["heads"],
        inner=numbers["inner"],
        context=numbers["context"] - first,
        dropout=config.fraction(names.keys["dropout"], 0.1),
        norm="post",
        positions="learned",
        activation=config.activation(names.keys["activation"], "gelu"),
        epsilon=config.positive(names.keys["epsilon"], names.epsilon) if "epsilon" in names.keys else names.epsilon,
        tied=config.only("tie_word_embeddings", True, False),
    )
    facts: dict[str, Any] = {"vocabulary": config.number("vocab_size", 30522)}
    facts["texts"] = config.number("type_vocab_size", 2) if names.told_apart else 0
    facts |= {"first": first} if first else {}
    if not names.tasks[architecture]:
        facts["pooler"] = "pooler.dense.weight" in keys
    if architecture.endswith((CLASSIFIER, LABELLER)):
        facts["names"] = class_names(config)
    return Plan(names.family, architecture, {"encoder": side}, facts)


def padding_rows(config: Config) -> int:
    """How many rows of positions stand for none: positions are counted from behind the padding's id."""
    pad = config.get("pad_token_id", 1)
    if not isinstance(pad, int) or isinstance(pad, bool) or pad < 0:
        raise config.refuse("pad_token_id", pad, "a whole number from 0 on")
    return pad + 1


def class_names(config: Config) -> list[str]:
    """The names of classes in the order of their numbers; raises HeedfulError where a number is left out."""
    labels = config.table.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    numbers = [str(number) for number in range(len(labels))]
    if not isinstance(labels, dict) or {*labels} != {*numbers}:
        raise HeedfulError(f"{config.where}: id2label does not have a name for each number from 0 on.")
    if len(labels) < 2:
        raise HeedfulError(f"{config.where} has one label: this is regression, not classification.")
    return [str(labels[number]) for number in numbers]


def write_config(names: TextEncoder, plan: Plan) -> dict[str, Any]:
    """The config.json of a plan."""
    side, facts, keys = plan.sides["encoder"], plan.facts, names.keys
    classes, first = facts.get("names", []), facts.get("first", 0)
    labels = {"id2label": {str(i): name for i, name in enumerate(classes)}} if classes else {}
    labels |= {"label2id": {name: i for i, name in enumerate(classes)}} if classes else {}
    return {
        "model_type": names.family,
        "architectures": [plan.architecture],
        "vocab_size": facts["vocabulary"],
        **{keys[key]: getattr(side, key) for key in ("width", "depth", "heads", "inner")},
        keys["context"]: int(side.context) + first,
        keys["activation"]: activation_name(side.activation),
        **({keys["epsilon"]: side.epsilon} if "epsilon" in keys else {}),
        **({"type_vocab_size": max(1, facts["texts"])} if names.told_apart else {}),
        **({"pad_token_id": first - 1} if names.padded else {}),
        "tie_word_embeddings": side.tied is not False,
        **labels,
    }


def build(names: TextEncoder, plan: Plan) -> Network:
    """The network, with fresh weights."""
    side, facts = plan.sides["encoder"], plan.facts
    tokens = Tokens(facts["vocabulary"], int(side.width))
    embedding = SegmentEmbedding(tokens, facts["texts"]) if facts["texts"] else tokens
    encoder = text_encoder(side, facts.get("first", 0))
    if names.is_base(plan):
        return EncoderAlone(embedding, encoder, int(side.width) if facts["pooler"] else 0)
    if names.fills(plan):
        assert side.activation != "auto" and side.epsilon != "auto"
        norm = nn.LayerNorm(int(side.width), side.epsilon)
        head = TokenHead(tokens, bool(side.tied), names.filler_activation or side.activation, norm)
        return MaskedLanguageModel(embedding, encoder, head)
    classifies = plan.architecture.endswith(CLASSIFIER)
    pool, pooler = ("class", names.between) if classifies else ("each", None)
    return EncoderHead(embedding, encoder, len(facts["names"]), pool, float(side.dropout), pooler)


def text_encoder(side: NetworkSettings, first: int) -> Encoder:
    """The encoder of a side, whose first position stands in this row of the table."""
    encoder = build_encoder(side)
    if first:
        assert isinstance(encoder, TransformerEncoder)
        encoder.positions = Learned(int(side.width), int(side.context), first)
    return encoder


def twins(names: TextEncoder, plan: Plan) -> dict[str, str]:
    """Names under which some files hold a tensor once more, and under which it is read."""
    if not names.fills(plan) or not plan.sides["encoder"].tied:
        return {}
    second = {f"{names.decoder}.weight": f"{names.prefix}{EMBEDDINGS}word_embeddings.weight"}
    return second if names.bias == f"{names.decoder}.bias" else second | {f"{names.decoder}.bias": names.bias}


def table(names: TextEncoder, plan: Plan) -> Table:
    """Where everything stands."""
    side, facts = plan.sides["encoder"], plan.facts
    prefix = "" if names.is_base(plan) else names.prefix
    within = f"{prefix}{EMBEDDINGS}"
    tokens = "embedding.tokens.table.weight" if facts["texts"] else "embedding.table.weight"
    lines: list[Entry] = [
        same(tokens, f"{within}word_embeddings.weight"),
        same("encoder.positions.table.weight", f"{within}position_embeddings.weight"),
        *parts("encoder.", within, {"first_norm": "LayerNorm"}),
    ]
    if names.told_apart:
        texts = f"{within}token_type_embeddings.weight"
        lines.append(same("embedding.texts.weight", texts) if facts["texts"] else Extra(texts, (1, int(side.width))))
    for number in range(int(side.depth)):
        lines += parts(f"encoder.layers.layers.{number}.", f"{prefix}{names.layers}{number}.", names.block)
    if names.fills(plan):
        lines += parts("head.", "", names.filler)
        if side.tied:
            lines.append(same("head.output.linear.bias", names.bias))
        else:
            lines += parts("head.output.", "", {"linear": names.decoder})
    if facts.get("pooler"):
        lines += parts("", prefix, POOLER)
    if plan.architecture.endswith(CLASSIFIER):
        lines += parts("", "", names.classifier)
    if plan.architecture.endswith(LABELLER):
        lines += parts("", "", {"head": "classifier"})
    return lines
