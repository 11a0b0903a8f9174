"""What all exports of one process share."""

from collections.abc import Iterator
from functools import cache

import pytest
from torch.onnx._internal.exporter import _registration


@pytest.fixture(scope="session", autouse=True)
def operators() -> Iterator[None]:
    """The table of ONNX's operators, which each export works out anew from the same sources, is worked out once: that
    was a seventh of an export of a tiny network.
    """
    library = _registration.onnxscript_apis  # pyright: ignore[reportPrivateImportUsage]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "get_torchlib_ops", cache(library.get_torchlib_ops))
        yield
