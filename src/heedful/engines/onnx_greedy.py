# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A decoder's step as the body of a loop: one call of a graph writes many tokens of each answer, by greedy search.

For few sources it costs more to ask for a step than to compute it, for many to move what is not ended. Only a state of
fixed size is looped: what remembers each token grows, of which a loop of ONNX would copy all for each.

N sources   T tokens   V vocabulary
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from heedful.engines.onnx_rows import LOG_PROBS, NEW, SOURCE
from heedful.engines.onnx_session import Arrays, Session
from heedful.generation.stepper import Floats, Ints, SpecialIds

TOKENS, CARRIED, LOOPED, LAST = "tokens", "carried.", "looped.", "last."
BEGIN, ENDED, END, CLOSED, LONGEST = "begin", "ended", "end", "closed", "longest"
WRITTEN, GAINED = "written", "gained"


class LoopedRows:
    """The answers to N sources as such a graph writes them. Implements `GreedyRows`."""

    def __init__(self, graph: Session, read: Arrays, special: SpecialIds) -> None:
        self.graph, rows = graph, (len(next(iter(read.values()))), 1)
        closed = np.zeros(int(graph.inputs[CLOSED][0]), np.float32)
        closed[list(special.suppressed)] = -np.inf
        self.rules: Arrays = {CLOSED: closed, END: np.array(special.end)}
        self.arrays = read | {BEGIN: np.full(rows, special.begin), ENDED: np.zeros(rows, bool)}

    def write(self, most: int) -> tuple[Ints, Floats]:
        answers = self.graph(self.arrays | self.rules | {LONGEST: np.array(most)})
        written, gained = (answers.pop(name)[:, :, 0].T for name in (WRITTEN, GAINED))
        self.arrays |= {name.removeprefix(LAST): array for name, array in answers.items()}
        return written, gained

    def keep(self, rows: Ints) -> None:
        self.arrays = {name: array[rows] for name, array in self.arrays.items()}


def has_fixed_size(step: Session) -> bool:
    """Whether what a step remembers of a row keeps its size."""
    return all(name == TOKENS or name.startswith((SOURCE, CARRIED)) for name in step.inputs)


def write_greedy(step: Path, file: Path) -> None:
    """Writes the loop of a step for one beam a source."""
    onnx: Any = import_module("onnx")  # has no types
    helper, whole = onnx.helper, onnx.load(str(step))
    graph = whole.graph
    inputs = {entry.name: entry for entry in graph.input}
    carried = [name for name in inputs if name.startswith(CARRIED)]
    flags, ids, numbers = (getattr(onnx.TensorProto, name) for name in ("BOOL", "INT64", "FLOAT"))
    vocabulary = next(entry for entry in graph.output if entry.name == LOG_PROBS).type.tensor_type.shape.dim[-1]

    def info(name: str, kind: int, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    def state(prefix: str) -> list[Any]:
        sizes = {name: [size.dim_value for size in inputs[name].type.tensor_type.shape.dim[2:]] for name in carried}
        return [info(f"{prefix}{name}", numbers, "sources", *sizes[name]) for name in carried]

    def column(kind: int, *names: str) -> list[Any]:
        return [info(name, kind, "sources", 1) for name in names]

    looped = [info("number", ids), info("goes", flags), *column(ids, LOOPED + TOKENS), *column(flags, LOOPED + ENDED)]
    kept = [info("goes_on", flags), *column(ids, "best"), *column(flags, "has_ended"), *state(NEW)]
    said = [*column(ids, "token"), *column(numbers, "gain")]
    body = helper.make_graph(
        body_nodes(helper, graph.node, carried), "token", [*looped, *state(LOOPED)], [*kept, *said]
    )
    loop = helper.make_node(
        "Loop",
        [LONGEST, "", BEGIN, ENDED, *carried],
        [LAST + BEGIN, LAST + ENDED, *(LAST + name for name in carried), WRITTEN, GAINED],
        body=body,
    )
    source = [entry for name, entry in inputs.items() if name.startswith(SOURCE)]
    asked = [*column(ids, BEGIN), *column(flags, ENDED), info(END, ids), info(LONGEST, ids)]
    asked += [info(CLOSED, numbers, vocabulary.dim_value), *source, *state("")]
    answers = [*column(ids, LAST + BEGIN), *column(flags, LAST + ENDED), *state(LAST)]
    answers += [info(WRITTEN, ids, "tokens", "sources", 1), info(GAINED, numbers, "tokens", "sources", 1)]
    constants = [*graph.initializer, onnx.numpy_helper.from_array(np.array([1]), "beams")]
    greedy = helper.make_graph([loop], "greedy", asked, answers, constants)
    file.write_bytes(
        helper.make_model(greedy, opset_imports=whole.opset_import, ir_version=whole.ir_version).SerializeToString()
    )


def body_nodes(helper: Any, step: Any, carried: list[str]) -> list[Any]:
    """A step with the state that the loop hands on, and which token comes next."""
    make, cast = helper.make_node, {"INT32": 6, "BOOL": 9}
    names = {TOKENS: LOOPED + TOKENS} | {name: f"beam.{name}" for name in carried}
    for node in step:
        node.input[:] = [names.get(name, name) for name in node.input]
    return [
        *(make("Unsqueeze", [LOOPED + name, "beams"], [f"beam.{name}"]) for name in carried),
        *step,
        make("Add", [LOG_PROBS, CLOSED], ["open"]),
        make("ArgMax", ["open"], ["best"], axis=1, keepdims=1),
        make("GatherElements", ["open", "best"], ["gain"], axis=1),
        make("Identity", ["best"], ["token"]),
        make("Equal", ["best", END], ["ends"]),
        make("Or", [LOOPED + ENDED, "ends"], ["has_ended"]),
        make("Cast", ["has_ended"], ["ended_numbers"], to=cast["INT32"]),
        make("ReduceMin", ["ended_numbers"], ["least"], keepdims=0),
        make("Cast", ["least"], ["all_have"], to=cast["BOOL"]),
        make("Not", ["all_have"], ["goes_on"]),
    ]
