"""Other engines in tests: what a file answers, and the loops that docs/export.md shows."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from onnxruntime import InferenceSession
from torch import Tensor

from support import ROOT

CLOSE = 1e-4
"""How far what an engine says may be from what the network says, as a share of the largest number."""

LOOPS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text("utf-8"), re.S)


def run_session(session: InferenceSession, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs by name."""
    outputs = session.run(None, {node.name: inputs[node.name] for node in session.get_inputs()})
    return dict(zip((node.name for node in session.get_outputs()), map(np.asarray, outputs), strict=True))


def initial_state(step: InferenceSession, rows: int) -> dict[str, np.ndarray]:
    """The state before the first token, of what has no source."""
    sizes: dict[Any, int] = {"rows": rows, "read": 0}
    types = {"tensor(int64)": np.int64, "tensor(float)": np.float32}
    return {node.name: np.zeros([sizes.get(n, n) for n in node.shape], types[node.type]) for node in step.get_inputs()}  # type: ignore[misc]


def assert_close(actual: np.ndarray, expected: Tensor) -> None:
    assert actual.shape == tuple(expected.shape)
    assert np.abs(actual - expected.numpy()).max() <= CLOSE * float(expected.abs().max())


def loop(name: str, engine: str = "onnxruntime") -> Callable[..., Any]:
    """The function or class of this name in the docs, for an engine; it has no more lines than the docs say."""
    [code] = [listing for listing in LOOPS if re.search(rf"^(def|class) {name}\b", listing, re.M) and engine in listing]
    assert len(code.splitlines()) <= 40
    names: dict[str, Any] = {"__name__": "loop"}
    exec(code, names)
    return names[name]
