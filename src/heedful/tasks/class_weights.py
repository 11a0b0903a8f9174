"""What an example, or a step, of each class counts in the loss."""

import numpy as np
import torch
from torch import Tensor

from heedful.schema import TrainSettings


def class_weights(classes: np.ndarray, total: int, train: TrainSettings) -> Tensor | None:
    """Weights (C,) of `total` classes, of which training shows these numbers; None: all count alike.

    Balanced, each class counts as much as any other, and one that is shown 1 on average.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, TrainSettings(class_weights="balanced")).tolist()
    [0.6666666865348816, 2.0]
    """
    if train.class_weights == "none":
        return None
    counts = np.bincount(classes, minlength=total)
    return torch.from_numpy(len(classes) / (total * np.maximum(counts, 1))).float()


def weights_of_targets(weights: Tensor, targets: Tensor) -> Tensor:
    """What each of the targets counts: of classes (N,) their weight, of probabilities (N, C) the mean of them.

    >>> weights_of_targets(torch.tensor([1.0, 3.0]), torch.tensor([[0.5, 0.5]])).tolist()
    [2.0]
    """
    return targets @ weights if targets.is_floating_point() else weights[targets]
