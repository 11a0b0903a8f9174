"""Other people's names and ours: a table that is read in both directions.

A line says which tensors of ours are in which one of theirs, and how: unchanged, transposed, concatenated, reshaped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from re import fullmatch

import torch
from torch import Tensor

from heedful.errors import HeedfulError

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Conversion:
    """A way from one tensor of theirs to one or several of ours, and back."""

    read: Callable[[Tensor], Sequence[Tensor]]
    write: Callable[[Sequence[Tensor]], Tensor]


@dataclass(frozen=True)
class Line:
    """One tensor of theirs, and what it is with us."""

    ours: tuple[str, ...]
    theirs: str
    conversion: Conversion


@dataclass(frozen=True)
class Blank:
    """A tensor of ours that they do not have: zeros of this shape, and it must still be zero to be given back."""

    ours: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Extra:
    """A tensor of theirs that we do not have, because zeros of this shape do the same."""

    theirs: str
    shape: tuple[int, ...]


Entry = Line | Blank | Extra
Table = Sequence[Entry]

LISTED = 10  # names in an error
UNCHANGED = Conversion(lambda tensor: (tensor,), lambda parts: parts[0])
TRANSPOSED = Conversion(lambda tensor: (tensor.t().contiguous(),), lambda parts: parts[0].t().contiguous())


def concatenation(count: int, transposed: bool = False) -> Conversion:
    """Several of ours one after another in one of theirs; `transposed`: that is kept with rows and columns changed."""

    def read(tensor: Tensor) -> Sequence[Tensor]:
        return [part.contiguous() for part in (tensor.t() if transposed else tensor).chunk(count)]

    def write(parts: Sequence[Tensor]) -> Tensor:
        tensor = torch.cat(list(parts))
        return tensor.t().contiguous() if transposed else tensor

    return Conversion(read, write)


def reshaping(ours: tuple[int, ...], theirs: tuple[int, ...]) -> Conversion:
    """The same numbers in another shape."""
    return Conversion(lambda tensor: (tensor.reshape(ours),), lambda parts: parts[0].reshape(theirs))


def same(ours: str, theirs: str) -> Line:
    """A tensor that differs in its name alone."""
    return Line((ours,), theirs, UNCHANGED)


def parts(ours: str, theirs: str, names: Mapping[str, str], conversion: Conversion = UNCHANGED) -> list[Line]:
    """The weight and the bias of each part, ours to theirs; biases are always as they are."""
    return [
        Line((f"{ours}{mine}.{kind}",), f"{theirs}{other}.{kind}", conversion if kind == "weight" else UNCHANGED)
        for mine, other in names.items()
        for kind in ("weight", "bias")
    ]


def read(
    table: Table, theirs: Mapping[str, Tensor], unused_names: Iterable[str], where: str
) -> tuple[Tensors, Tensors]:
    """Our tensors, and those of theirs whose names match a pattern of `unused_names`, which no network of ours uses.

    Raises HeedfulError that names the tensors that are missing, left over, or of another shape than their line needs.
    """
    lines = [line for line in table if isinstance(line, Line)]
    names = {line.theirs for line in lines}
    unused = {
        name: tensor
        for name, tensor in theirs.items()
        if name not in names and any(fullmatch(p, name) for p in unused_names)
    }
    missing = sorted(names - theirs.keys())
    over = sorted(theirs.keys() - names - unused.keys())
    if missing or over:
        problems = [f"missing: {list_names(missing)}"] if missing else []
        problems += [f"left over: {list_names(over)}"] if over else []
        raise HeedfulError(
            f"The weights in {where} are not those that its config.json describes.",
            "\n".join([*problems, "Take the folder as it was published, or write it anew with save_pretrained."]),
        )
    ours: Tensors = {}
    for line in lines:
        try:
            ours |= dict(zip(line.ours, line.conversion.read(theirs[line.theirs]), strict=True))
        except (RuntimeError, ValueError):
            shape = tuple(theirs[line.theirs].shape)
            raise HeedfulError(f"{line.theirs} in {where} has the shape {shape}, which does not fit.") from None
    dtype = next(iter(theirs.values())).dtype
    ours |= {line.ours: torch.zeros(line.shape, dtype=dtype) for line in table if isinstance(line, Blank)}
    return ours, unused


def list_names(names: Sequence[str]) -> str:
    """Names of tensors; of many the first and the last."""
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[: LISTED - 1])}, … {names[-1]} ({len(names):,} in all)"


def write(table: Table, ours: Mapping[str, Tensor]) -> Tensors:
    """Their tensors. Raises HeedfulError for one of ours that has no place in their layout."""
    lines = [line for line in table if isinstance(line, Line)]
    names = {name for line in lines for name in line.ours} | {line.ours for line in table if isinstance(line, Blank)}
    assert names == ours.keys(), f"tensors without a line, or lines without a tensor: {sorted(names ^ ours.keys())}"
    for line in table:
        if isinstance(line, Blank) and ours[line.ours].any():
            raise HeedfulError(f"{line.ours} is not zero, and this layout cannot represent it.")
    theirs = {line.theirs: line.conversion.write([ours[name] for name in line.ours]).contiguous() for line in lines}
    dtype = next(iter(theirs.values())).dtype
    return theirs | {line.theirs: torch.zeros(line.shape, dtype=dtype) for line in table if isinstance(line, Extra)}
