"""What a task calls a trained model, for tests that look into it."""

from typing import Any

from heedful.api.model import Model


def first_trained(model: Model) -> Any:
    """The first trained model, with whatever its task keeps."""
    return model.learnable[0]
