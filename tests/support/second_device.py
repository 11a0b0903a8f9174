"""A second device in a machine that has none: numbers that torch may only reach as it reaches a GPU's.

Its tensors hold those of the processor within, so that what is computed on it can be compared, digit by digit. Whatever
mixes both kinds raises, as on a GPU; each time that the host reads a number, and so would wait for a GPU, is noted.
"""

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._dispatch.python import enable_python_dispatcher
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from heedful.blocks import recurrent
from heedful.blocks.recurrent import gru, lstm

NAME = "elsewhere"
MOVE, TO_LIST = nn.Module.to, Tensor.tolist
KERNELS = torch.library.Library("aten", "IMPL")
aten: Any = torch.ops.aten
HOST_SHAPED = {aten.nonzero.default, aten.masked_select.default, aten.unique_dim.default, aten._unique2.default}
"""What has a shape that only its numbers tell: the host waits for them."""
PACKING = {aten._pack_padded_sequence.default, aten._pad_packed_sequence.default}
"""What gives the second of its tensors on the host."""
INDEXING = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default}
"""What takes places from the host, too, which waits until they are there."""
SPLIT = PACKING | {aten.rnn_tanh.data, aten.gru.data, aten.lstm.data}
"""What takes some of its tensors on the host."""


class SecondTensor(Tensor):
    """A tensor of the second device: `inner` has its numbers."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "SecondTensor":
        return Tensor._make_wrapper_subclass(
            cls, inner.size(), inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=torch.device(NAME, 0)
        )

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} outside of a SecondDevice")


class BackendModule(_DummyBackendModule):
    """What torch asks of a device, and `torch.autocast` beside it."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


class SecondDevice(TorchDispatchMode):
    """Where the second device is there: `reads` has the line of each read by the host."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        with self:
            parts = func.decompose(*args, **kwargs)  # in inference mode what is made of others comes whole
        if parts is not NotImplemented:
            return parts
        there = any(isinstance(value, SecondTensor) for value in leaves((args, kwargs)))
        target = kwargs.get("device")
        to_it = torch.device(target).type == NAME if target is not None else there
        if (func in HOST_SHAPED and there) or (func is aten._local_scalar_dense.default and there):
            self.note(func)
        if func is aten.index.Tensor and there and any(is_mask(value) for value in leaves(args[1])):
            self.note(func)
        if there and target is not None and not to_it:
            self.note(func)
        moves = func in (aten._to_copy.default, aten.copy_.default)
        if moves and to_it and not there:
            self.note(func)
        strangers = [value for value in leaves((args, kwargs)) if is_stranger(value)]
        if there and strangers and func in INDEXING:
            self.note(func)
        elif there and strangers and not moves:
            assert func in SPLIT, f"{func} mixes devices: {[tuple(value.shape) for value in strangers]}"
        if func is aten.copy_.default:
            to_it = isinstance(args[0], SecondTensor)
            if not to_it and there:
                self.note(func)
        if target is not None:
            kwargs["device"] = torch.device("cpu")
        if not (there or to_it):
            return func(*args, **kwargs)
        with torch.inference_mode(False):  # whose tensors can be no part of others
            out = func(*tree_map(unwrap, args), **tree_map(unwrap, kwargs))
            return self.wrap(func, args, kwargs, out, to_it)

    def wrap(self, func: Any, args: Any, kwargs: Any, out: Any, to_it: bool) -> Any:
        """What comes out, on its device; what was written into stays the tensor that it was."""
        if func._schema.is_mutable:
            names = [argument.name for argument in func._schema.arguments]
            given = dict(zip(names, args, strict=False)) | kwargs
            inner = {id(unwrap(value)): value for value in leaves(given) if isinstance(value, SecondTensor)}
            return tree_map(lambda value: inner.get(id(value), value) if isinstance(value, Tensor) else value, out)
        if func in PACKING:
            return SecondTensor(out[0]), out[1]
        return (
            tree_map(lambda value: SecondTensor(value) if isinstance(value, Tensor) else value, out) if to_it else out
        )

    def note(self, func: Any) -> None:
        """Notes the line of ours that has the host read."""
        ours = [frame for frame in traceback.extract_stack() if "/heedful/" in frame.filename]
        if ours and ours[-1].name == "send":  # which does not wait
            return
        place = f"{ours[-1].filename.split('/heedful/')[-1]}:{ours[-1].lineno}" if ours else "elsewhere"
        self.reads.append(f"{place} {func}")


def leaves(value: Any) -> list[Any]:
    """All that a structure of arguments holds."""
    return tree_leaves(value)


def is_mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype in (torch.bool, torch.uint8)


def is_stranger(value: Any) -> bool:
    """Whether a tensor is on the host; single numbers may be, as for a GPU."""
    return isinstance(value, Tensor) and not isinstance(value, SecondTensor) and value.dim() > 0


def unwrap(value: Any) -> Any:
    """A tensor as the processor has it."""
    return value.inner if isinstance(value, SecondTensor) else value


def set_up() -> None:
    """Has torch know the device, for the rest of this process."""
    _setup_privateuseone_for_python_backend(NAME, BackendModule())
    # what torch asks past every mode, for numbers of Python
    KERNELS.impl("empty_strided", empty_strided, "PrivateUse1")
    KERNELS.impl("_copy_from", copy_from, "PrivateUse1")


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    """Memory of the device."""
    return SecondTensor(torch.empty_strided(size, stride, dtype=dtype))


def copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    """What the host writes there."""
    unwrap(target).copy_(source)
    return target


@contextmanager
def second_device() -> Generator[SecondDevice]:
    """Has the device be there until the block ends; of recurrent layers the equations, which torch has in one for some
    devices alone.
    """
    cells = patch.dict(recurrent.STEPS, {"lstm": of(lstm), "gru": of(gru)})
    moves, reads = patch.object(nn.Module, "to", move), patch.object(Tensor, "tolist", to_list)
    with enable_python_dispatcher(), cells, moves, reads, SecondDevice() as device:
        yield device


def move(module: nn.Module, *args: Any) -> nn.Module:
    """`nn.Module.to`, which keeps tied weights tied, as a GPU's are."""
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        return MOVE(module, *args)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)


def to_list(tensor: Tensor) -> Any:
    """`Tensor.tolist`, which asks a tensor of another kind for nothing."""
    return TO_LIST(tensor.cpu())


def of(equation: Any) -> Any:
    """A step of a cell by its equation."""
    return lambda x, hidden, *weights: equation(x, hidden if isinstance(hidden, tuple) else (hidden,), *weights, same)


def same(name: str, value: Tensor) -> Tensor:
    return value
