# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""What writes behind a source with a network of torch as it was trained, wherever its weights are; arrays in and out.

N sources   S positions   T tokens   V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.state import State
from heedful.engines.plain import PlainStepper, token_log_probabilities
from heedful.engines.writing import Guidance, Sources, Stack
from heedful.generation.stepper import SpecialIds, Stepper
from heedful.networks.joins import EncoderDecoder


@dataclass(frozen=True)
class PlainSeq2Seq:
    """An encoder and a decoder, in eval mode whenever they are asked. Implements `WritingEngine`."""

    network: EncoderDecoder

    @property
    def vocabulary(self) -> int:
        return self.network.decoder.vocabulary

    @property
    def source_limit(self) -> int | None:
        return self.network.encoder.limit

    @property
    def limit(self) -> int | None:
        return self.network.decoder.limit

    def stepper(
        self, engines: Sequence[Self], stack: Stack, special: SpecialIds, guidance: Guidance | None = None
    ) -> Stepper[np.ndarray]:
        decoders = [engine.network.eval().decoder for engine in engines]
        blank = guidance.blank if guidance and guidance.scale != 1 else None

        def states(sources: Sequence[np.ndarray], beams: int, capacity: int) -> tuple[State, ...]:
            batches = (sources,) if blank is None else (sources, [blank] * len(sources))
            stacked = [stack(arrays) for arrays in batches]
            return tuple(engine.start(source, beams, capacity) for source in stacked for engine in engines)

        if guidance is None or blank is None:
            return PlainStepper(decoders, states, special)
        return PlainStepper([*decoders, *decoders], states, special, guidance.scale)

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        decoders = [engine.network.eval().decoder for engine in engines]
        states = [engine.start(source) for engine in engines]
        return token_log_probabilities(decoders, states, answers, special)

    @torch.inference_mode()
    def start(self, source: Sources, beams: int = 1, capacity: int = 0) -> State:
        """Sources read, with so many rows each and buffers for so many positions (0: none, to be read at once)."""
        device = self.network.decoder.tokens.table.weight.device
        ids, lengths = (torch.from_numpy(array).to(device) for array in source)
        return self.network.decoder.start(self.network.read(ids, lengths), rows=len(ids) * beams, capacity=capacity)


@dataclass(frozen=True)
class PlainCodec:
    """The codebook of drawings, in eval mode whenever it is asked. Implements `PictureCodec`."""

    codebook: Codebook | GrayLevels

    @property
    def positions(self) -> int:
        return self.codebook.positions

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        return self.codebook.eval().encode(self.on_device(pictures)).cpu().numpy()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return self.codebook.eval().decode(self.on_device(codes)).cpu().numpy()

    def on_device(self, array: np.ndarray) -> Tensor:
        """An array where the weights are, if there are any."""
        device = next((weight.device for weight in self.codebook.parameters()), None)
        return torch.from_numpy(array).to(device)
