"""What searches are tested with: sharp networks over a vocabulary in which a text can be spelt in several ways."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from heedful.blocks.state import State
from heedful.engines.plain import PlainStepper, token_log_probabilities
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Candidates, LogProbs, Request, SpecialIds
from heedful.networks.decoders import Decoder
from heedful.networks.joins import EncoderDecoder
from heedful.schema import GenerateSettings, parse_settings
from support.tiny_networks import BEGIN, END, FIRST, PAD, build, tiny

SPECIAL = SpecialIds(BEGIN, END, suppressed=(PAD, BEGIN))
PIECES = ("a", "b", " ", "ab")
"""A vocabulary in which a text can be spelt in several ways."""


def decode(ids: Sequence[int]) -> str:
    return "".join(PIECES[i - FIRST] for i in ids if i >= FIRST)


def encode(text: str) -> list[int]:
    return [FIRST + PIECES.index(piece) for piece in re.findall("ab|.", text)]


@cache
def network(name: str = "gru", vocabulary: int = FIRST + len(PIECES), **settings: object) -> EncoderDecoder:
    return build(tiny(name, **settings), vocabulary).double()  # so that no rounding decides between two answers


def start(model: EncoderDecoder, numbers: Sequence[int], beams: int = 1, capacity: int = 0) -> State:
    """Source n is a text of n % 5 + 1 tokens."""
    texts = [torch.arange(number % 5 + 1) + FIRST + number % 3 for number in numbers]
    source = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    memory = model.read(source, torch.tensor([len(tokens) for tokens in texts]))
    return model.decoder.start(memory, rows=len(numbers) * beams, capacity=capacity)


def answers(
    model: EncoderDecoder,
    rules: Rules,
    settings: GenerateSettings,
    limits: Sequence[int],
    special: SpecialIds = SPECIAL,
) -> list[list[Hypothesis]]:
    """What the search finds for sources 0, 1, …, each with its longest answer; `batch_tokens` counts sources here."""
    requests = [Request(number, 1, limit, seed=number) for number, limit in enumerate(limits)]
    return Search(stepper(model, special), settings, rules).run(requests)


def stepper(model: EncoderDecoder, special: SpecialIds = SPECIAL) -> PlainStepper[int]:
    """What steps by a network whose sources are numbers."""
    return PlainStepper([model.decoder], lambda *sources: (start(model, *sources),), special)


class TableStepper:
    """An engine of another make: no network, but a table of what follows the newest token of each source, step by step.

    `all_tokens`: it hands up all tokens, however few are asked for.
    """

    def __init__(self, log_probs: np.ndarray, special: SpecialIds, all_tokens: bool = False) -> None:
        self.log_probs, self.special, self.all_tokens = log_probs, special, all_tokens  # (sources, steps, V, V)
        self.vocabulary = log_probs.shape[-1]
        self.sources = self.steps = np.zeros(0, np.int64)  # N

    def admit(self, requests: Sequence[Request[int]], beams: int) -> None:
        self.sources = np.concatenate((self.sources, [request.source for request in requests]))
        self.steps = np.concatenate((self.steps, [0] * len(requests)))

    def step(
        self, tokens: np.ndarray, k: int, named_tokens: np.ndarray | None = None, with_remainder: bool = False
    ) -> Candidates:
        log_probs, of_named = self.step_whole(tokens).guided, None
        if named_tokens is not None:
            at_names = np.take_along_axis(log_probs, named_tokens, -1)
            of_named = LogProbs(at_names, at_names)
            np.put_along_axis(log_probs, named_tokens, -np.inf, -1)
        best = np.argsort(-log_probs, -1)[..., : None if self.all_tokens else k]
        likeliest = np.take_along_axis(log_probs, best, -1)
        with np.errstate(divide="ignore"):
            remainder = np.log(np.exp(log_probs).sum(-1)) if with_remainder else None
        return Candidates(best, LogProbs(likeliest, likeliest), of_named, remainder)

    def step_whole(self, tokens: np.ndarray) -> LogProbs:
        log_probs = self.log_probs[self.sources[:, None], self.steps[:, None], tokens]  # (N, K, V)
        self.steps = self.steps + 1
        log_probs[..., list(self.special.suppressed)] = -np.inf
        return LogProbs(log_probs, log_probs)

    def reorder(self, rows: np.ndarray) -> None:
        """The search tells the newest token, and there is nothing else to be moved."""

    def keep(self, sources: np.ndarray) -> None:
        self.sources, self.steps = self.sources[sources], self.steps[sources]


def scores(
    model: EncoderDecoder, number: int, hypotheses: Sequence[Hypothesis], special: SpecialIds = SPECIAL
) -> list[float]:
    """The teacher-forced log probabilities of answers to source `number`."""
    with torch.inference_mode():
        state = start(model, [number], len(hypotheses))
    return score([model.decoder], [state], [h.tokens for h in hypotheses], special, [h.complete for h in hypotheses])


def score(
    decoders: Sequence[Decoder],
    states: Sequence[State],
    answers: Sequence[Sequence[int]],
    special: SpecialIds,
    complete: Sequence[bool] | None = None,
) -> list[float]:
    """The teacher-forced log probability of each answer; where `complete` is False its end is not counted."""
    ends = [[special.end] if is_complete else [] for is_complete in (complete or [True] * len(answers))]
    complete_answers = [[*answer, *end] for answer, end in zip(answers, ends, strict=True)]
    return [float(tokens.sum()) for tokens in token_log_probabilities(decoders, states, complete_answers, special)]


def generate(**settings: object) -> GenerateSettings:
    return parse_settings(GenerateSettings, settings)
