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
        self.network = network

    @property
    def limit(self) -> int | None:
        return self.network.core.encoder.limit

    @torch.inference_mode()
    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        network = self.network.eval()
        device = network.core.head.weight.device
        logits = network(torch.from_numpy(source).to(device), torch.from_numpy(lengths).to(device))
        return logits.float().softmax(-1).cpu().numpy()
