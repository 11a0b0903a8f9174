"""The little language of what is cut: `decoder.2.head.3`, `memory`, `uniform=encoder.1`, `decoder.0.gate.forget=shut`.

Parts are called as maps are: layers count from 0, `decoder.2` is its layer's self-attention or its recurrent unit,
`decoder.2.memory` its attention over the source, `decoder.attention` that of Bahdanau and Luong.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import cast, get_args

from torch import nn

from heedful.blocks.altering import Alteration, Attend, Freeze, Hold, Way, Without, altered
from heedful.blocks.attention import Attention, Score
from heedful.blocks.recording import readable_names
from heedful.blocks.scan import SSRU, MinGRU
from heedful.errors import HeedfulError, nearest, unknown
from heedful.networks.joins import Network

SOURCE = "memory"
"""All that looks at the source."""
WAYS: tuple[Way, ...] = get_args(Way)
OPEN, SHUT, FROZEN = "open", "shut", "frozen"

Gates = Mapping[str, tuple[str, float]]
"""Of each gate: what blocks call the tensor, and its value where the gate is open (1, as its paper writes it)."""

GATES: Mapping[type[nn.Module], Gates] = {
    nn.RNN: {},
    nn.LSTM: {name: (name, 1.0) for name in ("forget", "input", "output")},
    nn.GRU: {name: (name, 1.0) for name in ("reset", "update")},
    SSRU: {"forget": ("keep", 1.0)},
    MinGRU: {"update": ("keep", 0.0)},  # what the paper's gate lets in is not kept
}


@dataclass(frozen=True)
class Part:
    """A part of a network that can be altered: attention, which has heads, or a recurrent layer, which has a state."""

    name: str
    module: str
    heads: int = 0
    looks_at_source: bool = False
    gates: Gates = field(default_factory=dict)


@contextmanager
def alter_networks(networks: Sequence[nn.Module], *names: str | Sequence[str]) -> Generator[None]:
    """Has each of these networks compute altered until the block ends; `names` are as those that `parse_cuts` takes."""
    words = [(part,) if isinstance(part, str) else part for part in names]
    with ExitStack() as stack:
        for network in networks:
            stack.enter_context(altered(network, parse_cuts(cast("Network", network), *words)))
        yield


def parse_cuts(
    network: Network, without: Sequence[str] = (), attend: Sequence[str] = (), hold: Sequence[str] = ()
) -> list[Alteration]:
    """What is done to this network: heads cut, attention told where to look, gates and states held.

    >>> from heedful.networks.build import encoder_decoder
    >>> from heedful.networks.settings import resolve
    >>> from heedful.schema import NetworkSettings, parse_settings
    >>> settings = resolve(parse_settings(NetworkSettings, {"name": "bahdanau2015", "size": "tiny"}))
    >>> network = encoder_decoder(settings, 20, 20, shared=False)
    >>> parse_cuts(network, attend=["previous=memory"])
    [Attend(part='decoder.attention', way='previous', head=None, kind='weights')]
    >>> parse_cuts(network, hold=["encoder.0.gate.update=shut"])
    [Hold(part='encoder.0', kind='update', value=0.0)]

    Raises HeedfulError for a name or a value that there is not, and says what there is.
    """
    parts = {part.name: part for part in parts_of(network)}
    cuts: list[Alteration] = []
    for name in without:
        cuts += [Without(part.module, head) for part, head in find_attention(parts, name)]
    for phrase in attend:
        way, equals, name = phrase.partition("=")
        if way not in WAYS:
            raise unknown("way to attend", way, WAYS)
        cuts += [Attend(part.module, way, head) for part, head in find_attention(parts, name if equals else "")]
    return cuts + [parse_hold(parts, phrase) for phrase in hold]


def parts_of(network: Network) -> Iterator[Part]:
    """What can be altered of a network, the lowest first."""
    names, core = readable_names(network), network.core
    inside = f"{names[core]}." if names[core] else ""
    for module in core.modules():
        name, full = names[module].removeprefix(inside), names[module]
        if isinstance(module, Attention):
            yield Part(name.removesuffix(".self_attention"), full, module.heads, name.endswith(f".{SOURCE}"))
        elif isinstance(module, Score):
            yield Part(name, full, heads=1, looks_at_source=True)
        elif isinstance(module, SSRU | MinGRU):
            yield Part(name.removesuffix(".unit"), f"{full}.average", gates=GATES[type(module)])
        elif type(module) in GATES:
            yield Part(name, full, gates=GATES[type(module)])


def find_attention(parts: Mapping[str, Part], name: str) -> list[tuple[Part, int | None]]:
    """The attention of a name, and which head of it (None: all); "": all that there is."""
    attention = {each: part for each, part in parts.items() if part.heads}
    if not attention:
        raise HeedfulError("This network has no attention.", describe(parts))
    if not name:
        return [(part, None) for part in attention.values()]
    if name == SOURCE:
        looking = [part for part in attention.values() if part.looks_at_source]
        if not looking:
            raise HeedfulError("Nothing in this network looks at a source by attention.", describe(parts))
        return [(part, None) for part in looking]
    layer, number = split_head(name)
    if layer in parts and not parts[layer].heads:
        raise HeedfulError(f"{layer} is a recurrent layer, and has no attention.", describe(parts))
    if layer not in attention:
        raise no_part(name, attention, parts)
    if number is not None and number >= attention[layer].heads:
        heads = attention[layer].heads
        raise HeedfulError(
            f"{layer} has no head {number}.", f"It has {heads}: 0 to {heads - 1}." if heads > 1 else "It has one: 0."
        )
    return [(attention[layer], number)]


def split_head(name: str) -> tuple[str, int | None]:
    """A name and the number of a head behind it; what a map is called names the same.

    >>> split_head("decoder.2.memory.head.3"), split_head("encoder.1.self_attention.head0"), split_head("encoder.1")
    (('decoder.2.memory', 3), ('encoder.1', 0), ('encoder.1', None))
    """
    match = re.fullmatch(r"(.+?)(?:\.self_attention)?(?:\.head\.?(\d{1,6}))?", name)
    return (match[1], int(match[2]) if match[2] else None) if match else (name, None)


def parse_hold(parts: Mapping[str, Part], phrase: str) -> Alteration:
    """A gate held open or shut, or a state frozen: NAME.gate.GATE=open, NAME.state=frozen."""
    name, equals, value = phrase.partition("=")
    recurrent = {each: part for each, part in parts.items() if not part.heads}
    if not recurrent:
        raise HeedfulError("This network has no recurrent layer.", describe(parts))
    values = {f"{each}.state": (FROZEN,) for each in recurrent}
    values |= {f"{each}.gate.{gate}": (OPEN, SHUT) for each, part in recurrent.items() for gate in part.gates}
    if name not in values:
        raise no_part(name, values, parts)
    if value not in values[name]:
        meant = f"As in {name}={values[name][0]}."
        problem = f'{name} cannot be "{value}".' if equals else f"What {name} is to be is not said."
        raise HeedfulError(problem, f"{meant} Allowed: {', '.join(values[name])}.")
    layer, _, gate = name.partition(".gate.")
    if not gate:
        return Freeze(recurrent[name.removesuffix(".state")].module)
    kind, opened = recurrent[layer].gates[gate]
    return Hold(recurrent[layer].module, kind, opened if value == OPEN else 1 - opened)


def no_part(name: str, allowed: Mapping[str, object], parts: Mapping[str, Part]) -> HeedfulError:
    """The error for a name that is not in this network: the nearest that is, and all that are, in a few lines."""
    heads = [f"{part.name}.head.{head}" for part in parts.values() for head in range(part.heads)]
    near = nearest(name, [*allowed, *(head for head in heads if head.rpartition(".head.")[0] in allowed)])
    hint = f' Did you mean "{near}"?' if near else ""
    return HeedfulError(f'This network has no part "{name}" of that kind.{hint}', describe(parts))


def describe(parts: Mapping[str, Part]) -> str:
    """What a network has, a line for each kind of part."""
    lines: dict[str, list[str]] = {}
    for part in parts.values():
        if part.heads > 1:
            kind = f"attention of {part.heads} heads (as {{0}}.head.0)"
        elif part.heads:
            kind = "attention"
        else:
            kind = f"recurrent layers (as {{0}}.state={FROZEN}"
            kind += "".join(f", {{0}}.gate.{gate}={OPEN}" for gate in part.gates) + ")"
        lines.setdefault(kind, []).append(part.name)
    text = [f"It has {kind.format(names[0])}: {', '.join(names)}." for kind, names in lines.items()]
    if any(part.looks_at_source for part in parts.values()):
        text.append(f"{SOURCE}: all of its attention that looks at the source.")
    return "\n".join(text) or "It mixes no positions: there is no wire to cut."
