"""Where torch answers: on the device that is asked for, or on a GPU, where there are one and much to answer."""

import ctypes
import os
from functools import cache
from importlib.util import find_spec

VARIABLE = "HEEDFUL_DEVICE"
"""The variable of the environment that says what `auto` means on a machine."""
PROCESSOR = "cpu"
DRIVER = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"


def named_device(*said: str) -> str:
    """The first device that is named, by these or by HEEDFUL_DEVICE; `auto` where none is.

    Raises HeedfulError for one that is not there.
    """
    device = next((each for each in (*said, os.environ.get(VARIABLE, "auto")) if each != "auto"), "auto")
    if device not in ("auto", PROCESSOR):
        from heedful.training.machine import require_device

        require_device(device, "device")
    return device


@cache
def gpu() -> str | None:
    """The GPU that torch computes on unasked; None where there is none. Imports torch where a driver is installed."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return None
    if find_spec("torch") is None:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None
