# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The plain engine of what answers at once: networks of torch as they were trained, on whatever device they are.

N sources   S positions   C classes or labels
"""

import numpy as np
import torch

from heedful.networks.joins import EncoderHead
from heedful.networks.subwords import FirstPieces


class PlainReader:
    """Probabilities of classes, (N, C), or of labels at each position, (N, S, C). Implements `ReadingEngine`."""

    def __init__(self, network: EncoderHead | FirstPieces) -> None:
        self.network: EncoderHead | FirstPieces = network
        self.inner = network if isinstance(network, EncoderHead) else network.inner

    @property
    def limit(self) -> int | None:
        return self.inner.encoder.limit

    @torch.inference_mode()
    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        self.network.eval()
        device = self.inner.head.weight.device
        logits = self.network(torch.from_numpy(source).to(device), torch.from_numpy(lengths).to(device))
        return logits.float().softmax(-1).cpu().numpy()
