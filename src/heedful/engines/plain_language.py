# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Language models of torch as they were trained, wherever their weights are; arrays in and out.

N texts   S positions   M masked positions   V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from heedful.blocks.attention.masks import up_to
from heedful.blocks.state import State
from heedful.data.batch import pad_rows
from heedful.engines.plain import PlainStepper, log_probabilities
from heedful.generation.stepper import SpecialIds, Stepper
from heedful.networks.joins import LanguageModel, MaskedLanguageModel


@dataclass(frozen=True)
class PlainLanguageModel:
    """A decoder alone, in eval mode whenever it is asked. Implements `LanguageEngine`."""

    network: LanguageModel

    def stepper(self, engines: Sequence[Self], special: SpecialIds) -> Stepper[tuple[int, ...]]:
        def states(prompts: Sequence[tuple[int, ...]], beams: int, capacity: int) -> tuple[State, ...]:
            return tuple(engine.start(prompts, beams, capacity) for engine in engines)

        return PlainStepper([engine.network.eval().decoder for engine in engines], states, special)

    @torch.inference_mode()
    def log_probabilities(self, engines: Sequence[Self], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        inputs, _ = pad_rows([row[:-1] for row in rows])
        targets, steps = pad_rows([row[1:] for row in rows])
        inputs, targets, steps = (tensor.to(self.device) for tensor in (inputs, targets, steps))
        outputs = [engine.network.eval()(inputs, steps) for engine in engines]
        real = up_to(steps, outputs[0].size(1))
        gained = torch.zeros(real.shape, dtype=torch.double, device=self.device)
        decoders = [engine.network.decoder for engine in engines]
        gained[real] = log_probabilities(decoders, [output[real] for output in outputs], targets[real]).double()
        return [values[: len(row) - 1] for values, row in zip(gained.cpu().numpy(), rows, strict=True)]

    @torch.inference_mode()
    def start(self, prompts: Sequence[tuple[int, ...]], beams: int, capacity: int) -> State:
        """All of each prompt but its last token read, once for all of its rows, with buffers for so many more."""
        rows = [np.array(prompt[:-1], dtype=np.int64) for prompt in prompts]
        decoder = self.network.decoder
        state = decoder.start(None, rows=len(rows), capacity=capacity + max(map(len, rows)))
        if any(map(len, rows)):
            tokens, lengths = (tensor.to(self.device) for tensor in pad_rows(rows))
            _, state = decoder(tokens, state, lengths)
        if beams == 1:
            return state
        return state.select(torch.arange(len(rows), device=self.device).unsqueeze(1).expand(-1, beams))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.decoder.tokens.table.weight.device


@dataclass(frozen=True)
class PlainMaskedLanguageModel:
    """An encoder with a head for tokens, in eval mode whenever it is asked. Implements `MaskedTokenEngine`."""

    network: MaskedLanguageModel

    @property
    def vocabulary(self) -> int:
        return self.network.vocabulary

    @torch.inference_mode()
    def __call__(self, source: np.ndarray, lengths: np.ndarray, masked: np.ndarray) -> np.ndarray:
        device = next(self.network.parameters()).device
        ids, sizes, asked_for = (torch.from_numpy(array).to(device) for array in (source, lengths, masked))
        outputs = self.network.eval()(ids, sizes)
        return self.network.logits(outputs[asked_for]).float().softmax(-1).cpu().numpy()
