"""What searches are tested with: sharp networks over a vocabulary in which a text can be spelt in several ways."""

import re
from collections.abc import Sequence
from functools import cache

import torch

from heedful.blocks.state import State
from heedful.generation.rules import Rules, Special
from heedful.generation.score import score
from heedful.generation.search import Hypothesis, Job, Search
from heedful.networks.joins import EncoderDecoder
from heedful.schema import GenerateSettings, parse_settings
from support.tiny_networks import BEGIN, END, FIRST, PAD, build, tiny

SPECIAL = Special(BEGIN, END, never=(PAD, BEGIN))
PIECES = ("a", "b", " ", "ab")
"""A vocabulary in which a text can be spelt in several ways."""


def decode(ids: Sequence[int]) -> str:
    return "".join(PIECES[i - FIRST] for i in ids if i >= FIRST)


def encode(text: str) -> list[int]:
    return [FIRST + PIECES.index(piece) for piece in re.findall("ab|.", text)]


@cache
def network(name: str = "gru", vocabulary: int = FIRST + len(PIECES), **settings: object) -> EncoderDecoder:
    return build(tiny(name, **settings), vocabulary).double()  # so that no rounding decides between two answers


def start(made: EncoderDecoder, numbers: Sequence[int], beams: int = 1, room: int = 0) -> State:
    """Source n is a text of n % 5 + 1 tokens."""
    chosen = [torch.arange(number % 5 + 1) + FIRST + number % 3 for number in numbers]
    source = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
    memory = made.read(source, torch.tensor([len(one) for one in chosen]))
    return made.decoder.start(memory, rows=len(numbers) * beams, room=room)


def answers(
    made: EncoderDecoder, rules: Rules, settings: GenerateSettings, limits: Sequence[int], special: Special = SPECIAL
) -> list[list[Hypothesis]]:
    """What the search finds for sources 0, 1, …, each with its longest answer; `batch_tokens` counts sources here."""
    jobs = [Job(1, limit, seed=number) for number, limit in enumerate(limits)]
    search = Search([made.decoder], lambda *given: (start(made, *given),), special, settings, rules)
    return search.run(jobs)


def scores(made: EncoderDecoder, number: int, found: Sequence[Hypothesis], special: Special = SPECIAL) -> list[float]:
    """The teacher-forced log probabilities of answers to source `number`."""
    with torch.inference_mode():
        state = start(made, [number], len(found))
    return score([made.decoder], [state], [h.tokens for h in found], special, [h.complete for h in found])


def generate(**settings: object) -> GenerateSettings:
    return parse_settings(GenerateSettings, settings)
