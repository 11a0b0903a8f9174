# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The plain engine of pictures and texts in one space: two towers of torch as they were trained, on any device.

N sources   S positions   D width
"""

from collections.abc import Iterator

import numpy as np
import torch

from heedful.blocks.altering import describe_alterations
from heedful.networks.joins import TwoTowers

PICTURES, TEXTS = 0, 1


class PlainTower:
    """Unit vectors (N, D) of the sources of one side. Implements `ReadingEngine`."""

    def __init__(self, network: TwoTowers, side: int) -> None:
        self.network, self.side = network, side

    @property
    def limit(self) -> int | None:
        return self.network.encoder(self.side).limit

    @torch.inference_mode()
    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        network = self.network.eval()
        device = network.scale.device
        vectors = network.embed(self.side, torch.from_numpy(source).to(device), torch.from_numpy(lengths).to(device))
        return vectors.cpu().numpy()


class PlainTowers:
    """Both towers of a network, as its weights stand. Implements `MatchingEngine`."""

    def __init__(self, network: TwoTowers) -> None:
        self.network = network
        self.pictures, self.texts = PlainTower(network, PICTURES), PlainTower(network, TEXTS)

    @property
    def width(self) -> int:
        return self.network.width

    @property
    def scale(self) -> float:
        return self.network.scale.detach().exp().clamp(max=100).item()

    @torch.inference_mode()
    def picture_weights(self) -> Iterator[bytes | memoryview]:
        network = self.network
        yield describe_alterations(network).encode()
        for part in (network.embeddings[PICTURES], network.encoders[PICTURES], network.projections[PICTURES]):
            for name, tensor in sorted(part.state_dict().items()):
                yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
                yield tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
