# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What writes by graphs of ONNX: a source is read by `encoder`, and each token by `step`; arrays in and out.

N sources   K beams   R = N * K rows   S positions   T tokens   V vocabulary   D width
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from heedful.engines.host_shortlist import Layer
from heedful.engines.host_stepper import HostStepper, mean
from heedful.engines.onnx_greedy import LoopedRows
from heedful.engines.onnx_rows import (
    BUFFER,
    LENGTHS,
    LOG_PROBS,
    NEW,
    OUTPUTS,
    READ,
    READ_LENGTHS,
    ROOM,
    OnnxRows,
    empty_cache,
    rows_of,
)
from heedful.engines.onnx_session import Arrays, Session
from heedful.engines.writing import GreedyEngine, Guidance, Sources, Stack
from heedful.generation.greedy import GreedyWriter
from heedful.generation.stepper import Bools, Floats, Ints, SpecialIds, Stepper

POSITIONS = "positions"
READ_AT_ONCE = 64
BeforeOutput = tuple[Session, Layer]
"""A step that ends before the output layer, and the arrays of that layer."""


@dataclass(frozen=True)
class OnnxSeq2Seq(GreedyEngine):
    """An encoder and a decoder as two graphs. Implements `WritingEngine`.

    `before_output` opens the decoder without its output layer, and that layer, for shortlists; `loop` is the decoder
    that writes by itself, if it can.
    """

    encoder: Session
    decoder: Session
    vocabulary: int
    source_limit: int | None
    limit: int | None
    before_output: Callable[[], BeforeOutput]
    loop: Session | None

    def stepper(
        self, engines: Sequence[Self], stack: Stack, special: SpecialIds, guidance: Guidance | None = None
    ) -> Stepper[np.ndarray]:
        blank = guidance.blank if guidance and guidance.scale != 1 else None

        def rows(sources: Sequence[np.ndarray], beams: int, shortlisted: bool) -> list[OnnxRows]:
            batches = (sources,) if blank is None else (sources, [blank] * len(sources))
            stacked = [stack(arrays) for arrays in batches]
            return [
                engine.start(source, beams, engine.shortened[0] if shortlisted else None)
                for source in stacked
                for engine in engines
            ]

        scale = guidance.scale if guidance and blank is not None else 1.0
        return HostStepper(self.vocabulary, rows, special, scale, lambda: [engine.shortened[1] for engine in engines])

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        size, rows = max(map(len, answers), default=0), np.arange(len(answers))
        padded = np.array([[*answer, *[special.end] * (size - len(answer))] for answer in answers], np.int64)
        inputs = np.concatenate((np.full((len(answers), 1), special.begin), padded), 1)
        states = [engine.start(source) for engine in engines] if size else []
        gained = np.zeros((len(answers), size))
        for at in range(size):
            gained[:, at] = mean([state.step(inputs[:, at])[rows, padded[:, at]] for state in states])
        return [row[: len(answer)] for row, answer in zip(gained, answers, strict=True)]

    def greedy(self, stack: Stack) -> GreedyWriter[np.ndarray] | None:
        loop = self.loop
        if loop is None:
            return None
        return lambda sources, special: LoopedRows(loop, self.read(*stack(sources)), special)

    @cached_property
    def shortened(self) -> BeforeOutput:
        """What `before_output` opens, once."""
        return self.before_output()

    def start(self, source: Sources, beams: int = 1, decoder: Session | None = None) -> OnnxRows:
        """Sources read, with so many rows each."""
        decoder = decoder or self.decoder
        return rows_of(decoder, self.read(*source) | empty_cache(decoder, len(source[0])), beams)

    def read(self, source: np.ndarray, lengths: Ints) -> Arrays:
        """What the encoder says of sources; of few at once, so that little is read of what the shorter do not have."""
        parts: list[Arrays] = []
        for low in range(0, len(source), READ_AT_ONCE):
            part, sizes = source[low : low + READ_AT_ONCE], lengths[low : low + READ_AT_ONCE]
            if self.encoder.inputs["source"][1] == POSITIONS:
                part = np.ascontiguousarray(part[:, : sizes.max()])
            parts.append(self.encoder({"source": part, "lengths": sizes}))
        return {name: stack([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class OnnxLanguageModel:
    """A decoder alone as three graphs: `step`, `read` for many tokens at once, and `head` for what it says of them.

    Implements `LanguageEngine`.
    """

    decoder: Session
    reader: Session
    head: Session
    vocabulary: int

    def stepper(self, engines: Sequence[Self], special: SpecialIds) -> Stepper[tuple[int, ...]]:
        def rows(prompts: Sequence[tuple[int, ...]], beams: int, shortlisted: bool) -> list[OnnxRows]:
            return [engine.start(prompts, beams) for engine in engines]

        return HostStepper(self.vocabulary, rows, special)

    def log_probabilities(self, engines: Sequence[Self], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        lengths = np.array([len(row) - 1 for row in rows])
        inputs, targets = (pad([row[part] for row in rows]) for part in (np.s_[:-1], np.s_[1:]))
        outputs = [engine.read(inputs, lengths)[OUTPUTS] for engine in engines]
        real: Bools = np.arange(inputs.shape[1]) < lengths[:, None]
        pairs = zip(engines, outputs, strict=True)
        gained = np.zeros(inputs.shape)
        gained[real] = mean([engine.log_probabilities_of(part[real], targets[real]) for engine, part in pairs])
        return [values[:length] for values, length in zip(gained, lengths, strict=True)]

    def log_probabilities_of(self, outputs: Floats, targets: Ints) -> Floats:
        """Of targets (M,) by outputs (M, D); never all logits at once."""
        gained, at_once = np.zeros(len(targets), np.float32), max(1, LOGITS_AT_ONCE // self.vocabulary)
        for low in range(0, len(targets), at_once):
            chosen = targets[low : low + at_once]
            log_probs = self.head({OUTPUTS: outputs[low : low + at_once]})[LOG_PROBS]
            gained[low : low + at_once] = log_probs[np.arange(len(chosen)), chosen]
        return gained

    def start(self, prompts: Sequence[tuple[int, ...]], beams: int) -> OnnxRows:
        """All of each prompt but its last token read, once for all of its rows."""
        heads = [np.array(prompt[:-1], dtype=np.int64) for prompt in prompts]
        lengths = np.array([len(head) for head in heads])
        state = empty_state(self.reader, len(heads))
        if any(lengths):
            state = self.read(pad(heads), lengths)
        if cache := empty_cache(self.decoder, len(heads), int(lengths.max()) + ROOM):
            fill(cache, state)
        return rows_of(self.decoder, cache or state, beams)

    def read(self, tokens: Ints, lengths: Ints) -> Arrays:
        """Outputs (N, T, D) of the first `lengths` of tokens (N, T), and the state behind them."""
        state = empty_state(self.reader, len(tokens)) | {"tokens": tokens, "lengths": lengths}
        return {name.removeprefix(NEW): array for name, array in self.reader(state).items()}


def fill(cache: Arrays, state: Arrays) -> None:
    """Writes keys and values (N, T, H, E) that were read into empty buffers (N, H, C, E)."""
    cache[LENGTHS][:] = state[READ_LENGTHS]
    for name, buffer in cache.items():
        if name != LENGTHS:
            part = state[READ + name.removeprefix(BUFFER)].transpose(0, 2, 1, 3)
            buffer[:, :, : part.shape[2]] = part


LOGITS_AT_ONCE = 1 << 22  # 16 MiB of float32


def empty_state(graph: Session, rows: int) -> Arrays:
    """What a decoder without a source remembers before the first token: nothing, and so zeros."""
    free = {"rows": rows, "read": 0}
    return {
        name: np.zeros(
            [int(free.get(str(size), size)) for size in shape], np.int64 if name == READ_LENGTHS else np.float32
        )
        for name, shape in graph.inputs.items()
        if name not in ("tokens", "lengths")
    }


def stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of sources one after another; where other sizes differ the smaller are filled up behind with zeros."""
    sizes = {part.shape[1:] for part in parts}
    if len(sizes) == 1:
        return np.concatenate(parts) if len(parts) > 1 else parts[0]
    joined = np.zeros((sum(map(len, parts)), *map(max, *sizes)), parts[0].dtype)
    low = 0
    for part in parts:
        joined[low : low + len(part)][tuple(map(slice, part.shape))] = part
        low += len(part)
    return joined


def pad(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of ids as one array, zeros behind."""
    padded = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
