"""What answers at once by graphs of ONNX; arrays in and out.

N sources   S positions   C classes, labels or entries of a vocabulary   D width   M masked positions
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heedful.engines.onnx_session import Session
from heedful.engines.reading import ReadingEngine

POSITIONS_AT_ONCE = 1 << 22  # logits of masked positions: 16 MiB of float32


@dataclass(frozen=True)
class OnnxReader:
    """Probabilities of classes, (N, C), or of labels at each position, (N, S, C). Implements `ReadingEngine`."""

    graph: Session
    limit: int | None

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return softmax(self.graph({"source": source, "lengths": lengths})["logits"])


@dataclass(frozen=True)
class OnnxTower:
    """Unit vectors (N, D) of the sources of one side. Implements `ReadingEngine`."""

    graph: Session
    limit: int | None

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return self.graph({"source": source, "lengths": lengths})["vectors"]


@dataclass(frozen=True)
class OnnxTowers:
    """Both towers of a network, in files of their own. Implements `MatchingEngine`."""

    pictures: ReadingEngine
    texts: ReadingEngine
    width: int
    scale: float
    picture_file: Path

    def picture_weights(self) -> Iterator[bytes | memoryview]:
        yield self.picture_file.read_bytes()


@dataclass(frozen=True)
class OnnxMaskedLanguageModel:
    """An encoder, and a head that says of its vectors which tokens they are. Implements `MaskedTokenEngine`."""

    encoder: Session
    head: Session
    vocabulary: int

    def __call__(self, source: np.ndarray, lengths: np.ndarray, masked: np.ndarray) -> np.ndarray:
        outputs = self.encoder({"source": source, "lengths": lengths})["outputs"][masked]  # (M, D)
        at_once = max(1, POSITIONS_AT_ONCE // self.vocabulary)
        parts = [outputs[low : low + at_once] for low in range(0, len(outputs), at_once)] or [outputs]
        return np.concatenate([np.exp(self.head({"outputs": part})["log_probs"]) for part in parts])


@dataclass(frozen=True)
class OnnxCodec:
    """The codebook of drawings as two graphs. Implements `PictureCodec`."""

    encoder: Session
    painter: Session
    positions: int

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        return self.encoder({"pictures": pictures})["codes"]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return self.painter({"codes": codes})["pictures"]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last dimension."""
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)
