"""The parts of a network by the names that people use for them: encoder, encoder.layers.0, head."""

from collections.abc import Iterable, Sequence

from torch import nn

from heedful.errors import HeedfulError, nearest

LISTED = 3  # tensors of a part that are named one by one


def display_name(name: str) -> str:
    """A tensor's name as people are shown it.

    >>> display_name("encoder.layers.layers.0.up.weight")
    'encoder.layers.0.up.weight'
    """
    return name.removeprefix("inner.").replace(".layers.layers.", ".layers.")


def freeze(network: nn.Module, names: Sequence[str]) -> None:
    """Takes the weights of these parts out of learning; raises HeedfulError for a part that there is not."""
    # a tied weight has several names, and stands still if one of them is frozen
    weights = [(display_name(name), weight) for name, weight in network.named_parameters(remove_duplicate=False)]
    for part in names:
        frozen = [weight for name, weight in weights if is_within(name, part)]
        if not frozen:
            raise no_part(part, [name for name, _ in weights])
        for weight in frozen:
            weight.requires_grad_(False)
    if names and not any(weight.requires_grad for weight in network.parameters()):
        raise HeedfulError(f"train.freeze leaves no weights to train: {', '.join(names)}.", "Freeze fewer parts.")


def is_within(name: str, part: str) -> bool:
    """Whether a tensor belongs to a part."""
    return name == part or name.startswith(f"{part}.")


def no_part(part: str, names: Sequence[str]) -> HeedfulError:
    """The error for a part that a network does not have."""
    parts = {".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 2)}
    match = nearest(part, sorted(parts))
    first = list(dict.fromkeys(name.partition(".")[0] for name in names))
    below = f"It has {', '.join(first)}, and what is in them, as {shortest(parts)}."
    return HeedfulError(
        f'train.freeze: this network has no part "{part}".', f'Did you mean "{match}"?  {below}' if match else below
    )


def shortest(parts: Iterable[str]) -> str:
    """An example of a part within a part: a layer if there is one."""
    layers = sorted(name for name in parts if name.rpartition(".")[2].isdecimal())
    return min(layers or sorted(parts), key=len)


def summarise_names(names: Iterable[str], every: Iterable[str]) -> list[str]:
    """Tensors in as few words as name them all: a part all of whose tensors are among them is named in their place.

    >>> summarise_names(["a.x.0", "a.x.1", "a.x.2", "a.x.3", "b"], ["a.x.0", "a.x.1", "a.x.2", "a.x.3", "a.y", "b"])
    ['a.x (4 tensors)', 'b']
    """
    listed, everything = list(dict.fromkeys(names)), list(dict.fromkeys(every))
    summary: dict[str, None] = {}
    for name in listed:
        steps = name.split(".")
        for end in range(1, len(steps)):
            part = ".".join(steps[:end])
            tensors = [tensor for tensor in everything if is_within(tensor, part)]
            if len(tensors) > LISTED and set(tensors) <= set(listed):
                name = f"{part} ({len(tensors)} tensor{'s' * (len(tensors) != 1)})"
                break
        summary[name] = None
    return list(summary)
