"""The batches of an epoch, collated here or ahead of time by processes of their own."""

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.training.signals import block_signals, leave_signals


def load(plan: list[Rows], collate: Callable[[Rows], Batch], workers: int) -> Iterator[Batch]:
    """The batches of a plan in its order, collated by so many processes (0: by this one)."""
    loader = DataLoader(
        Batches(plan, collate),
        batch_size=None,
        num_workers=workers,
        # it draws a number when it begins: from a generator of its own, not from the one of dropout
        generator=torch.Generator(),
        worker_init_fn=leave_signals,
    )
    with block_signals():
        return iter(loader)


class Batches(Dataset[Batch]):
    """An epoch's plan as a DataLoader wants it."""

    def __init__(self, plan: list[Rows], collate: Callable[[Rows], Batch]) -> None:
        self.plan, self.collate = plan, collate

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number: int) -> Batch:
        return self.collate(self.plan[number])
