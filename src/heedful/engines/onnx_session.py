"""An .onnx file that answers, by onnxruntime: arrays in and out."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from heedful.errors import HeedfulError

Arrays = dict[str, np.ndarray]
Shapes = dict[str, list[int | str]]
"""Sizes of arrays by name; those that may be any have names."""


class Session:
    """One graph. `threads` at the most; 0: as many as onnxruntime takes."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        onnxruntime: Any = import_module("onnxruntime")  # has no types
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # threads that wait by spinning take the cores from whoever else has work for them
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self.inner = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library has a class for each of its codes
            what = " ".join(str(error).split())[:200]
            cure = f"Remove {path.parent}: it is made again. Or engine=torch."
            raise HeedfulError(f"onnxruntime cannot open {path}: {what}", cure) from None
        self.inputs: Shapes = {entry.name: entry.shape for entry in self.inner.get_inputs()}
        self.outputs: Shapes = {entry.name: entry.shape for entry in self.inner.get_outputs()}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name; of the inputs, what the graph does not take is left out."""
        answers: list[np.ndarray] = self.inner.run(None, {name: inputs[name] for name in self.inputs})
        return dict(zip(self.outputs, answers, strict=True))

    def bound(self, inputs: Arrays, outputs: Arrays) -> "Callable[[], None]":
        """A call that reads these very arrays and writes into those; one that is both is written where it lies."""
        binding, run = self.inner.io_binding(), self.inner.run_with_iobinding
        for arrays, bind in ((inputs, binding.bind_input), (outputs, binding.bind_output)):
            for name, array in arrays.items():
                assert array.flags.c_contiguous
                bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)

        def call(held: tuple[Arrays, Arrays] = (inputs, outputs)) -> None:  # else their memory could be another's
            run(binding)

        return call


def usual_threads() -> int:
    """As many threads as a person allows (OMP_NUM_THREADS), or there are cores for."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
