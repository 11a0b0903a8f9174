# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What writes by graphs of ONNX: a source is read by `encoder`, and each token by `step`; arrays in and out.

N sources   K beams   R = N * K rows   S positions   T tokens   V vocabulary   D width
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from heedful.engines.host_stepper import HostStepper, Rows, mean
from heedful.engines.onnx_session import Session
from heedful.engines.writing import Guidance, Sources, Stack
from heedful.generation.stepper import Bools, Floats, Ints, SpecialIds, Stepper

NEW, READ, LENGTHS = "new.", "read.", "read.lengths"
LOG_PROBS, OUTPUTS = "log_probs", "outputs"
Arrays = dict[str, np.ndarray]


class OnnxRows:
    """A state of the graph `step` as its arrays by name, all of them row-first. Implements `Rows`."""

    def __init__(self, step: Session, arrays: Mapping[str, np.ndarray]) -> None:
        self.session = step
        self.arrays: Arrays = {name: array for name, array in arrays.items() if name in step.shapes}

    def step(self, tokens: Ints) -> Floats:
        return self.read({"tokens": tokens})[LOG_PROBS]

    def read(self, tokens: Arrays) -> Arrays:
        """What a graph says of tokens; the state moves on."""
        outputs = self.session(self.arrays | tokens)
        for name in [name for name in outputs if name.startswith(NEW)]:
            self.arrays[name.removeprefix(NEW)] = outputs.pop(name)
        return outputs

    def join(self, other: Rows) -> None:
        assert isinstance(other, OnnxRows)
        self.arrays = {name: stack_rows(array, other.arrays[name]) for name, array in self.arrays.items()}

    def take(self, rows: Ints) -> None:
        self.arrays = {name: array[rows] for name, array in self.arrays.items()}
        if LENGTHS not in self.arrays:
            return
        longest = int(self.arrays[LENGTHS].max())
        for name, array in self.arrays.items():
            if name.startswith(READ) and name != LENGTHS and array.shape[1] > longest:
                self.arrays[name] = np.ascontiguousarray(array[:, :longest])


def stack_rows(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(R, ...) and (R', ...) -> (R + R', ...); where positions differ the shorter are filled up behind with zeros."""
    if ours.shape[1:] == theirs.shape[1:]:
        return np.concatenate((ours, theirs))
    positions = max(ours.shape[1], theirs.shape[1])
    joined = np.zeros((len(ours) + len(theirs), positions, *ours.shape[2:]), ours.dtype)
    joined[: len(ours), : ours.shape[1]] = ours
    joined[len(ours) :, : theirs.shape[1]] = theirs
    return joined


@dataclass(frozen=True)
class OnnxSeq2Seq:
    """An encoder and a decoder as two graphs. Implements `WritingEngine`."""

    encoder: Session
    decoder: Session
    vocabulary: int
    source_limit: int | None
    limit: int | None

    def stepper(
        self, engines: Sequence[Self], stack: Stack, special: SpecialIds, guidance: Guidance | None = None
    ) -> Stepper[np.ndarray]:
        blank = guidance.blank if guidance and guidance.scale != 1 else None

        def rows(sources: Sequence[np.ndarray], beams: int) -> list[OnnxRows]:
            batches = (sources,) if blank is None else (sources, [blank] * len(sources))
            stacked = [stack(arrays) for arrays in batches]
            return [engine.start(source, beams) for source in stacked for engine in engines]

        return HostStepper(self.vocabulary, rows, special, guidance.scale if guidance and blank is not None else 1.0)

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

    def start(self, source: Sources, beams: int = 1) -> OnnxRows:
        """Sources read, with so many rows each."""
        arrays = self.encoder(dict(zip(("source", "lengths"), source, strict=True)))
        if beams > 1:
            arrays = {name: np.repeat(array, beams, 0) for name, array in arrays.items()}
        return OnnxRows(self.decoder, arrays)


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
        def rows(prompts: Sequence[tuple[int, ...]], beams: int) -> list[OnnxRows]:
            return [engine.start(prompts, beams) for engine in engines]

        return HostStepper(self.vocabulary, rows, special)

    def log_probabilities(self, engines: Sequence[Self], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        lengths = np.array([len(row) - 1 for row in rows])
        inputs, targets = (pad([row[part] for row in rows]) for part in (np.s_[:-1], np.s_[1:]))
        states = [OnnxRows(engine.reader, empty_state(engine.reader, len(rows))) for engine in engines]
        outputs = [state.read({"tokens": inputs, "lengths": lengths})[OUTPUTS] for state in states]
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
        state = OnnxRows(self.reader, empty_state(self.reader, len(heads)))
        if any(map(len, heads)):
            state.read({"tokens": pad(heads), "lengths": np.array([len(head) for head in heads])})
        if beams > 1:
            state.take(np.repeat(np.arange(len(heads)), beams))
        return OnnxRows(self.decoder, state.arrays)


LOGITS_AT_ONCE = 1 << 22  # 16 MiB of float32


def empty_state(graph: Session, rows: int) -> Arrays:
    """What a decoder without a source remembers before the first token: nothing, and so zeros."""
    free = {"rows": rows, "read": 0}
    return {
        name: np.zeros([int(free.get(str(size), size)) for size in shape], np.int64 if name == LENGTHS else np.float32)
        for name, shape in graph.shapes.items()
        if name not in ("tokens", "lengths")
    }


def pad(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of ids as one array, zeros behind."""
    padded = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
