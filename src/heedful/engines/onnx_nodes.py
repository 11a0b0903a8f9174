# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Graphs of ONNX as they are written node by node, and the parts of a block as such nodes.

R rows   D width
"""

from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor, nn

from heedful.blocks.names import Activation
from heedful.blocks.transformer import FeedForward, GatedFeedForward, Inner
from heedful.engines.onnx_recurrent import OPSET

CONTRIBUTED = "com.microsoft"
"""onnxruntime's own operators."""
IR_VERSION = 10  # of the file format: the newest that onnxruntime 1.18 opens
FLOAT = 1
"""ONNX's number of float32."""
Shape = list[int | str]
"""The sizes of an array; a name: any size."""

ACTIVATIONS: dict[Activation, tuple[str, str, dict[str, float]]] = {
    "relu": ("Relu", "", {}),
    "gelu": ("Gelu", CONTRIBUTED, {}),
    "gelu_tanh": ("FastGelu", CONTRIBUTED, {}),
    "quick_gelu": ("QuickGelu", CONTRIBUTED, {"alpha": 1.702}),
    "silu": ("QuickGelu", CONTRIBUTED, {"alpha": 1.0}),
}
"""Operator, domain and settings of each function."""


class Nodes:
    """Nodes and constants of one graph. What a method is given and gives back are names of arrays."""

    def __init__(self) -> None:
        self.onnx: Any = import_module("onnx")
        self.nodes: list[Any] = []
        self.constants: dict[Any, tuple[str, Any]] = {}
        self.tensors: list[Tensor] = []  # kept, so that none has another's address

    def add(self, operator: str, *inputs: str, outputs: int = 1, domain: str = "", **settings: Any) -> list[str]:
        """One node: the names of its outputs. An input of no name is one that is left out."""
        names = [f"{operator}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.put(operator, inputs, names, domain, **settings)
        return names

    def put(
        self, operator: str, inputs: tuple[str, ...], outputs: list[str], domain: str = "", **settings: Any
    ) -> None:
        """One node whose outputs have names already."""
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, outputs, domain=domain, **settings))

    def one(self, operator: str, *inputs: str, domain: str = "", **settings: Any) -> str:
        """One node with one output."""
        return self.add(operator, *inputs, domain=domain, **settings)[0]

    def constant(self, values: Tensor | np.ndarray | list[int]) -> str:
        """Numbers that are part of the graph; one that is given twice is kept once."""
        if isinstance(values, Tensor):  # weights: two that are tied are one tensor
            self.tensors.append(values)
            key, array = (
                (values.data_ptr(), values.shape, values.stride()),
                values.detach().float().contiguous().numpy(),
            )
        else:
            array = np.asarray(values)
            key = array.tobytes() + str((array.dtype, array.shape)).encode()
        if key not in self.constants:
            name = f"constant_{len(self.constants)}"
            self.constants[key] = name, self.onnx.numpy_helper.from_array(array, name)
        return self.constants[key][0]

    def reshape(self, x: str, *shape: int) -> str:
        return self.one("Reshape", x, self.constant(list(shape)))

    def product(self, x: str, weight: Tensor, bias: Tensor | None) -> str:
        """x Wᵀ + b of (R, D)."""
        return self.one("Gemm", x, self.constant(weight), *([] if bias is None else [self.constant(bias)]), transB=1)

    def linear(self, x: str, layer: nn.Linear) -> str:
        return self.product(x, layer.weight, layer.bias)

    def norm(self, x: str, norm: nn.Module) -> str:
        """A norm, or the identity.

        Sums before it are nodes of their own: onnxruntime's operator for both takes four times as long as these two.
        """
        if isinstance(norm, nn.Identity):
            return x
        if isinstance(norm, nn.RMSNorm):
            return self.one("SimplifiedLayerNormalization", x, self.constant(norm.weight), epsilon=norm.eps)
        assert isinstance(norm, nn.LayerNorm)
        return self.one("LayerNormalization", x, self.constant(norm.weight), self.constant(norm.bias), epsilon=norm.eps)

    def inner(self, x: str, inner: Inner) -> str:
        """The inner part of a block."""
        assert isinstance(inner, FeedForward | GatedFeedForward)
        operator, domain, settings = ACTIVATIONS[inner.activation]
        if isinstance(inner, FeedForward):
            return self.linear(self.one(operator, self.linear(x, inner.up), domain=domain, **settings), inner.down)
        gate = self.one(operator, self.linear(x, inner.gate), domain=domain, **settings)
        return self.linear(self.one("Mul", gate, self.linear(x, inner.up)), inner.down)

    def model(self, name: str, inputs: dict[str, tuple[Any, Shape]], outputs: dict[str, tuple[Any, Shape]]) -> Any:
        """The whole file: arrays that go in and come out, each with its dtype and shape."""
        helper = self.onnx.helper

        def infos(arrays: dict[str, tuple[Any, Shape]]) -> list[Any]:
            return [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
                for name, (dtype, shape) in arrays.items()
            ]

        constants = [tensor for _, tensor in self.constants.values()]
        graph = helper.make_graph(self.nodes, name, infos(inputs), infos(outputs), constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
