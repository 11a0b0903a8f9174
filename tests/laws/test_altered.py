"""The laws hold for a network that is altered, whatever is cut, held or frozen, and its alterations do what they say.

N sources   R rows   T target positions   S source positions   H heads
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from heedful.blocks.altering import Alteration, altered
from heedful.blocks.recording import readable_names, record
from heedful.blocks.state import State
from heedful.explain.cuts import OPEN, SHUT, WAYS, parse_cuts, parts_of
from heedful.networks.build import language_model, masked_language_model
from heedful.networks.joins import EncoderDecoder, Network
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks.joins import allowed, resolve
from support.sampling import sample
from support.tiny_networks import (
    PAD,
    Batch,
    batch,
    build,
    join_examples,
    label,
    one_example,
    rows,
    tiny,
    variants,
)

networks = pytest.mark.parametrize("settings", [*rows(), *sample(variants(), 3)], ids=label)


def cuts_of(network: Network) -> Iterator[list[Alteration]]:
    """Every kind of alteration that a network has parts for, each where it has one."""
    parts = list(parts_of(network))
    attention = [part for part in parts if part.heads]
    if attention:
        yield parse_cuts(network, without=[f"{part.name}.head.0" for part in attention])
        yield from (parse_cuts(network, attend=[way]) for way in WAYS)
    for part in parts:
        if not part.heads:
            yield parse_cuts(network, hold=[f"{part.name}.state=frozen"])
        for gate in part.gates:
            yield from (parse_cuts(network, hold=[f"{part.name}.gate.{gate}={value}"]) for value in (OPEN, SHUT))


def logits_of(network: EncoderDecoder, data: Batch) -> Tensor:
    return network.decoder.logits(network(data.source, data.source_lengths, data.target))


def assert_same(actual: Tensor, expected: Tensor) -> None:
    assert torch.isfinite(actual).all()
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


@networks
@torch.no_grad()
def test_altered_steps_make_the_altered_whole_beside_any_neighbour(settings: NetworkSettings) -> None:
    """Laws 1 and 2: one call without buffers, chunks of two beams a source, and each example alone are the same."""
    network = build(settings)
    examples = [one_example(batch((7, 3, 5, 1), (6, 6, 6, 6)), row) for row in range(4)]
    data = join_examples(examples, PAD)
    plain, different = logits_of(network, data), 0
    for cuts in cuts_of(network):
        with altered(network, cuts):
            whole = logits_of(network, data)
            for row, example in enumerate(examples):
                assert_same(whole[row : row + 1], logits_of(network, example))
            memory = network.read(data.source, data.source_lengths)
            state, parts = network.decoder.start(memory, rows=8, capacity=6), list[Tensor]()
            for chunk in data.target.repeat_interleave(2, dim=0).split((1, 2, 1, 1, 1), dim=1):
                outputs, state = network.decoder(chunk, state)
                parts.append(outputs)
            assert_same(network.decoder.logits(torch.cat(parts, 1)), whole.repeat_interleave(2, dim=0))
        different += (whole - plain).abs().max() > 1e-3 * plain.abs().max()
    assert torch.equal(logits_of(network, data), plain)
    assert different > 0


@networks
@torch.no_grad()
def test_rows_that_joined_at_unequal_places_are_altered_at_their_own(settings: NetworkSettings) -> None:
    """What joins a running search has read less: each row's query stands where that row stands."""
    network = build(settings)
    data = batch((7, 3), (6, 4))
    for cuts in cuts_of(network):
        with altered(network, cuts):
            whole = logits_of(network, data)
            states = [
                network.decoder.start(network.read(*source), capacity=6)
                for source in (
                    (data.source[:1], data.source_lengths[:1]),
                    (data.source[1:, :3], data.source_lengths[1:]),
                )
            ]
            _, states[0] = network.decoder(data.target[:1, :3], states[0])
            late, state = list[Tensor](), State.cat(states)
            for step in range(3):
                tokens = torch.stack((data.target[0, 3 + step], data.target[1, step])).unsqueeze(1)
                outputs, state = network.decoder(tokens, state)
                late.append(network.decoder.logits(outputs))
            joined = torch.cat(late, 1)
            assert_same(joined[:1], whole[:1, 3:])
            assert_same(joined[1:], whole[1:, :3])


@networks
@torch.no_grad()
def test_attention_looks_where_it_is_told(settings: NetworkSettings) -> None:
    """By an independent mean over what may be seen, and by positions counted here; a head that is cut has no share."""
    network, data = build(settings), batch((7, 3, 5), (6, 6, 6))
    if not any(part.heads for part in parts_of(network)):
        return
    maps = {way: maps_of(network, data, parse_cuts(network, attend=[way])) for way in WAYS}
    for way, told in EXPECTED.items():
        for name, weights in maps[way].items():
            side, is_self = name.partition(".")[0], "self_attention" in name
            for row, length in enumerate(data.source_lengths.tolist()):
                for query in range(length if side == "encoder" else 6):
                    seen = length if side == "encoder" or not is_self else query + 1
                    expected = torch.zeros(weights.size(-1))
                    expected[told(query, seen)] = 1
                    expected /= expected.sum()
                    assert torch.allclose(weights[row, :, query], expected.expand(weights.size(1), -1)), (way, name)
    for part in parts_of(network):
        if part.heads:
            [(_, weights)] = [
                entry
                for entry in maps_of(network, data, parse_cuts(network, without=[f"{part.name}.head.0"])).items()
                if entry[0] == f"{part.module}.weights"
            ]
            assert not weights[:, 0].any() and (part.heads == 1 or weights[:, 1:].any())


EXPECTED: dict[str, Callable[[int, int], list[int]]] = {
    "uniform": lambda query, seen: list(range(seen)),
    "diagonal": lambda query, seen: [min(query, seen - 1)],
    "previous": lambda query, seen: [min(max(query - 1, 0), seen - 1)],
}


def maps_of(network: EncoderDecoder, data: Batch, cuts: list[Alteration]) -> dict[str, Tensor]:
    with altered(network, cuts), record(network) as maps:
        network(data.source, data.source_lengths, data.target)
    return {name: weights for name, weights in maps.concatenate().items() if name.endswith(".weights")}


@networks
@torch.no_grad()
def test_a_head_that_is_cut_is_one_whose_output_no_weight_takes_up(settings: NetworkSettings) -> None:
    """By the weights: the columns of the projection that read the head are zero."""
    network, data = build(settings), batch((7, 3, 5), (6, 6, 6))
    for part in list(parts_of(network)):
        if part.heads > 1:
            with altered(network, parse_cuts(network, without=[f"{part.name}.head.1"])):
                cut = logits_of(network, data)
            other = build(settings)
            modules_by_name(other)[part.module].out.weight.unflatten(1, (part.heads, -1))[:, 1] = 0
            assert_same(cut, logits_of(other, data))


GATES = {"lstm": {"input": 0, "forget": 1, "output": 3}, "gru": {"reset": 0, "update": 1}}
"""Where PyTorch's layers have the weights of each gate."""


@pytest.mark.parametrize("value", [OPEN, SHUT])
@pytest.mark.parametrize(
    "name", ["lstm", "gru", "sutskever2014", "bahdanau2015", "luong2015", "ssru2019", "mingru2024"]
)
@torch.no_grad()
def test_a_gate_that_is_held_is_one_whose_weights_say_so(name: str, value: str) -> None:
    """By the weights: nothing but a bias that opens the gate, or shuts it, as the unit's paper writes the gate."""
    settings, data = tiny(name), batch((7, 3, 5), (6, 6, 6))
    network, bias = build(settings), 100.0 if value == OPEN else -100.0
    for part in list(parts_of(network)):
        for gate in part.gates:
            with altered(network, parse_cuts(network, hold=[f"{part.name}.gate.{gate}={value}"])):
                held = logits_of(network, data)
            other = build(settings)
            modules = modules_by_name(other)
            layer = modules[part.module.removesuffix(".average")]
            if layer is not modules[part.module]:
                linear = getattr(layer, gate)
                linear.weight.zero_()
                linear.bias.fill_(bias)
            else:
                gates = GATES[layer.mode.lower()]
                for weight_name, weight in layer.named_parameters():
                    rows = weight.chunk(4 if layer.mode == "LSTM" else 3)[gates[gate]]
                    rows.fill_(bias if weight_name.startswith("bias_ih") else 0)
            assert_same(held, logits_of(other, data))


def modules_by_name(network: EncoderDecoder) -> dict[str, Any]:
    """Each module by the name that a reader has for it."""
    return {name: module for module, name in readable_names(network).items()}


@networks
@torch.no_grad()
def test_a_state_that_is_frozen_is_what_it_was_before_the_first_step(settings: NetworkSettings) -> None:
    network, data = build(settings), batch((7, 3, 5), (6, 6, 6))
    recurrent = [part.name for part in parts_of(network) if not part.heads]
    with altered(network, parse_cuts(network, hold=[f"{name}.state=frozen" for name in recurrent])):
        memory = network.read(data.source, data.source_lengths)
        assert all(not final.any() for final in memory.final)
        before = network.decoder.start(memory)
        _, after = network.decoder(data.target, before)
    frozen = {name: tensor for name, tensor in before.hidden.items() if name != "fed"}
    assert all(torch.equal(tensor, after.hidden[name]) for name, tensor in frozen.items())


ALONE = [(task, name) for task in ("complete", "fill") for name in allowed(task)]


@pytest.mark.parametrize(("task", "name"), ALONE)
@torch.no_grad()
def test_networks_of_one_side_obey_the_same_laws(task: str, name: str) -> None:
    """Those that write from nothing, in steps and at once; those that say what is missing; each text by itself."""
    base = parse_settings(NetworkSettings, {"name": name, "size": "tiny", "width": 16, "dropout": 0.0})
    torch.manual_seed(0)
    network: Any = (language_model if task == "complete" else masked_language_model)(resolve(base, task), 12).eval()
    for weight in network.parameters():
        if weight.dim() > 1:
            weight.normal_(std=0.4)
    texts, lengths = torch.randint(3, 12, (3, 6)), torch.tensor([6, 3, 5])
    for cuts in cuts_of(network):
        with altered(network, cuts):
            whole = network(texts, lengths)
            for row, length in enumerate(lengths.tolist()):
                alone = network(texts[row : row + 1, :length], lengths[row : row + 1])
                assert_same(alone, whole[row : row + 1, :length])
            if task == "complete":
                state, parts = network.decoder.start(None, rows=3, capacity=6), list[Tensor]()
                for chunk in texts.split((2, 1, 1, 2), dim=1):
                    outputs, state = network.decoder(chunk, state)
                    parts.append(outputs)
                assert_same(torch.cat(parts, 1), network(texts))
