# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The plain engine: networks of torch as they were trained, on any device, one token at a time or teacher-forced.

N sources   K beams   R = N * K rows   T positions   D width   V vocabulary, or the tokens of it that sources may be
answered with   k best tokens   M named tokens
"""

import math
from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.state import State
from heedful.engines.plain_shortlist import ShortlistedOutput
from heedful.generation.allowed import AllowedTokens
from heedful.generation.stepper import Candidates, Floats, Ints, LogProbs, Request, Source, SpecialIds
from heedful.networks.decoders import Decoder

FIRST_CAPACITY = 16  # positions for which sources have buffers when they join
LOGITS_AT_ONCE = 1 << 24  # 64 MiB of float32
BLOCK = 64  # tokens whose highest is looked for at once, on a CPU

ReadSources = Callable[[Sequence[Source], int, int], tuple[State, ...]]
"""(sources, beams, capacity) -> one state a decoder: the sources read, in eval mode, with buffers for so many positions
beyond those of a prompt."""


class PlainStepper(Generic[Source]):
    """Steps by one or several decoders that share a vocabulary (an ensemble: the mean of their probabilities).

    Where `guidance` is not 1, the second half of the decoders and of the states that `read_sources` makes has read
    nothing, and choices are guided away from what these would say (Ho & Salimans 2021, equation 6). Implements
    `Stepper`.
    """

    def __init__(
        self, decoders: Sequence[Decoder], read_sources: ReadSources[Source], special: SpecialIds, guidance: float = 1.0
    ) -> None:
        self.decoders, self.read_sources, self.special, self.guidance = decoders, read_sources, special, guidance
        self.vocabulary = decoders[0].vocabulary
        self.states: tuple[State, ...] = ()
        self.shortlisted: ShortlistedOutput | None = None
        self.suppressed = torch.tensor(())
        self.positions: list[int] = []  # N, that the rows of each source have read
        self.longest: list[int] = []  # N, that they may read

    @torch.inference_mode()
    def admit(self, requests: Sequence[Request[Source]], beams: int) -> None:
        capacity = min(FIRST_CAPACITY, max(request.max_length for request in requests))
        states = self.read_sources([request.source for request in requests], beams, capacity)
        if self.states:
            states = tuple(State.cat(pair) for pair in zip(self.states, states, strict=True))
        self.states = states
        joining = AllowedTokens.of(requests, self.special)
        self.allow(self.shortlisted.allowed.join(joining) if self.shortlisted and joining else joining, beams)
        self.positions += [request.prompt_read for request in requests]
        self.longest += [request.prompt_read + request.max_length for request in requests]

    @torch.inference_mode()
    def step(self, tokens: Ints, k: int, named_tokens: Ints | None = None, with_remainder: bool = False) -> Candidates:
        log_probs = self.advance(tokens)
        guided = log_probs[-1]
        values: list[Tensor] = []
        if named_tokens is not None:
            names = self.positions_of(named_tokens).flatten(0, 1)
            values += [part.gather(1, names) for part in log_probs]
            guided.scatter_(1, names, -math.inf)
        best = likeliest(guided, min(k, guided.size(1)))
        values += [part.gather(1, best) for part in log_probs]
        if with_remainder:
            values.append(guided.logsumexp(1, keepdim=True))
        ids, arrays = to_host(self.shortlisted.tokens[best] if self.shortlisted else best, values, tokens.shape)
        remainder = arrays.pop()[..., 0] if with_remainder else None
        pairs = [LogProbs(arrays[at], arrays[at + len(log_probs) - 1]) for at in range(0, len(arrays), len(log_probs))]
        return Candidates(ids, pairs[-1], pairs[0] if named_tokens is not None else None, remainder)

    @torch.inference_mode()
    def step_whole(self, tokens: Ints) -> LogProbs:
        log_probs = self.advance(tokens)
        if self.shortlisted:
            everywhere = log_probs[0].new_full((tokens.size, self.vocabulary), -math.inf)
            log_probs = [everywhere.index_copy(1, self.shortlisted.tokens, part) for part in log_probs]
        values: list[Floats] = [part.unflatten(0, tokens.shape).cpu().numpy() for part in log_probs]
        return LogProbs(values[0], values[-1])

    @torch.inference_mode()
    def reorder(self, rows: Ints) -> None:
        old = torch.from_numpy(rows).to(self.device)
        self.states = tuple(state.reorder(old, max(self.positions)) for state in self.states)

    @torch.inference_mode()
    def keep(self, sources: Ints) -> None:
        rows_each = len(self.states[0].lengths) // len(self.positions)
        self.positions = [self.positions[source] for source in sources]
        self.longest = [self.longest[source] for source in sources]
        if not len(sources):
            self.states, self.shortlisted = (), None
            return
        rows = torch.from_numpy(sources[:, None] * rows_each + np.arange(rows_each)).to(self.device)
        indices = torch.from_numpy(sources).to(self.device)
        self.states = tuple(state.select(rows, indices) for state in self.states)
        if self.shortlisted:
            self.allow(self.shortlisted.allowed.keep(sources), rows_each)

    def allow(self, allowed: AllowedTokens | None, beams: int) -> None:
        """Only these tokens, or all, are answered with from now on."""
        self.shortlisted = ShortlistedOutput(self.decoders, allowed, beams) if allowed else None
        self.suppressed = self.positions_of(np.array(self.special.suppressed, np.int64))

    def positions_of(self, tokens: Ints) -> Tensor:
        """Where tokens stand among those that are answered with."""
        if self.shortlisted:
            tokens = self.shortlisted.allowed.positions(tokens, self.special)
        return torch.from_numpy(tokens).to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the states are."""
        return self.states[0].lengths.device

    def advance(self, tokens: Ints) -> list[Tensor]:
        """Log probabilities of the next token (R, V) in float32, and behind them, where there is guidance, the same
        under guidance; the states move on. Suppressed tokens have -inf.
        """
        column = torch.from_numpy(tokens.reshape(-1, 1)).to(self.device)
        needed, most = max(self.positions) + 1, max(self.longest)
        per_decoder: list[Tensor] = []
        states: list[State] = []
        for number, (decoder, state) in enumerate(zip(self.decoders, self.states, strict=True)):
            outputs, state = decoder(column, state.widen(needed, most))
            last, shortlisted = outputs[:, -1], self.shortlisted
            logits = shortlisted.logits(number, last) if shortlisted else decoder.logits(last)
            per_decoder.append(logits.float().log_softmax(-1))
            states.append(state)
        self.states, self.positions = tuple(states), [count + 1 for count in self.positions]
        if self.guidance == 1:
            log_probs = [mean(per_decoder)]
        else:
            half = len(per_decoder) // 2
            unguided, blank = mean(per_decoder[:half]), mean(per_decoder[half:])
            log_probs = [unguided, (blank + self.guidance * (unguided - blank)).log_softmax(-1)]
        return [values.index_fill_(1, self.suppressed, -math.inf) for values in log_probs]


def mean(log_probs: Sequence[Tensor]) -> Tensor:
    """The mean of probabilities, as logarithms."""
    if len(log_probs) == 1:
        return log_probs[0]
    # rounding must not lift a mean above 0: the early stop counts on log probabilities that only fall
    return (torch.stack(tuple(log_probs)).logsumexp(0) - math.log(len(log_probs))).clamp_(max=0)


def likeliest(log_probs: Tensor, k: int) -> Tensor:
    """The k highest tokens of each row (R, V), the highest first: (R, k).

    On a CPU to look for the highest blocks of tokens first, and then in these alone, takes a third of the time.
    """
    if log_probs.is_cpu and k == 1:
        return torch.from_numpy(log_probs.numpy().argmax(1)).unsqueeze(1)  # SIMD there, and not in torch
    blocks = log_probs.size(1) // BLOCK
    if not log_probs.is_cpu or blocks < 4 * k:
        return log_probs.topk(k, dim=1).indices
    tail = torch.arange(blocks * BLOCK, log_probs.size(1)).expand(len(log_probs), -1)
    highest = log_probs[:, : blocks * BLOCK].reshape(-1, blocks, BLOCK).amax(2)
    starts = highest.topk(k, dim=1, sorted=False).indices * BLOCK
    within = (starts.unsqueeze(2) + torch.arange(BLOCK)).flatten(1)
    tokens = torch.cat((within, tail), 1)
    return tokens.gather(1, log_probs.gather(1, tokens).topk(k, dim=1).indices)


def to_host(tokens: Tensor, values: Sequence[Tensor], shape: tuple[int, ...]) -> tuple[Ints, list[Floats]]:
    """Ids (R, k) and float32 values, each (R, any), as arrays of (N, K, ...): one copy, whatever the device."""
    if tokens.is_cpu:
        ids, arrays = tokens.numpy(), [part.numpy() for part in values]
    else:
        packed = torch.cat((tokens.int().view(torch.float32), *values), 1).cpu().numpy()
        ends = np.cumsum([part.size(1) for part in (tokens, *values)])
        bits, *arrays = np.split(packed, ends[:-1], axis=1)
        ids = bits.view(np.int32).astype(np.int64)
    return ids.reshape(*shape, -1), [array.reshape(*shape, array.shape[1]) for array in arrays]


@torch.inference_mode()
def token_log_probabilities(
    decoders: Sequence[Decoder], states: Sequence[State], answers: Sequence[Sequence[int]], special: SpecialIds
) -> list[Floats]:
    """The log probability of each token of each answer, in one call a decoder: what `Search` adds up for it.

    `states` are fresh, one a decoder (several: the mean of their probabilities), with a row for each answer.
    `answers` are token ids without the beginning, with end tokens where these count.
    """
    size = max(map(len, answers), default=0)
    if not size:
        return [np.zeros(0)] * len(answers)
    device = states[0].lengths.device
    lengths = torch.tensor([len(answer) for answer in answers], device=device)
    padded = torch.tensor([[*answer, *[special.end] * (size - len(answer))] for answer in answers], device=device)
    inputs = torch.cat((torch.full_like(padded[:, :1], special.begin), padded[:, :-1]), dim=1)
    outputs = [decoder(inputs, state, lengths)[0] for decoder, state in zip(decoders, states, strict=True)]
    real = torch.arange(size, device=device) < lengths.unsqueeze(1)  # (R, T)
    gained = torch.zeros(real.shape, dtype=torch.double, device=device)
    gained[real] = log_probabilities(decoders, [output[real] for output in outputs], padded[real]).double()
    return [row[: len(answer)] for row, answer in zip(gained.cpu().numpy(), answers, strict=True)]


def log_probabilities(decoders: Sequence[Decoder], outputs: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Of targets (M,) by each decoder's outputs (M, D), mean over decoders; never all logits at once."""
    rows = max(1, LOGITS_AT_ONCE // decoders[0].vocabulary)
    parts: list[Tensor] = []
    for start in range(0, len(targets), rows):
        chunk = slice(start, start + rows)
        of_each: list[Tensor] = []
        for decoder, output in zip(decoders, outputs, strict=True):
            logits = decoder.logits(output[chunk]).float()
            chosen = logits.gather(1, targets[chunk].unsqueeze(1))
            of_each.append((chosen - logits.logsumexp(1, keepdim=True)).squeeze(1))
        parts.append(torch.stack(of_each).logsumexp(0) - math.log(len(decoders)))
    return torch.cat(parts)
