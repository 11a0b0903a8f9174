"""Batches and the store: every row once, no batch over the budget, the same for the same seed, read as written."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.batching import Rows, order_for_inference, plan, shard
from heedful.data.store import Store, Writer

LENGTHS = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=300).map(np.array)


def costs(lengths: np.ndarray, batches: list[Rows]) -> list[int]:
    longest = np.maximum(lengths[:, 0], lengths[:, 1] + 1)
    return [len(batch) * int(longest[batch.rows].max()) for batch in batches]


@given(LENGTHS, st.integers(1, 2000), st.integers(0, 9), st.integers(0, 9), st.sampled_from([1, 2, 8]))
def test_a_plan_keeps_its_promises(lengths: np.ndarray, tokens: int, seed: int, epoch: int, multiple: int) -> None:
    batches = plan(lengths, tokens, seed, epoch, multiple=multiple)
    assert sorted(chain.from_iterable(batch.rows.tolist() for batch in batches)) == list(range(len(lengths)))
    assert {batch.epoch for batch in batches} == {epoch}
    for batch, cost in zip(batches, costs(lengths, batches), strict=True):
        assert cost <= tokens or len(batch) == 1
        # What does not come out even is smaller than one multiple.
        assert len(batch) % multiple == 0 or len(batch) < multiple
    same_batches = plan(lengths, tokens, seed, epoch, multiple=multiple)
    assert [batch.rows.tolist() for batch in batches] == [batch.rows.tolist() for batch in same_batches]
    parts = [[shard(batch, rank, 3).rows.tolist() for rank in range(3)] for batch in batches]
    assert [sorted(chain.from_iterable(shards)) for shards in parts] == [
        sorted(batch.rows.tolist()) for batch in batches
    ]


@given(LENGTHS, st.integers(1, 2000))
def test_inference_begins_with_the_longest(lengths: np.ndarray, tokens: int) -> None:
    batches = order_for_inference(lengths[:, 0], tokens)
    order = np.concatenate(batches)
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[order, 0]) <= 0).all()
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch, 0].max() <= tokens


def test_batches_are_full_and_other_each_epoch() -> None:
    rng = np.random.default_rng(0)
    # About as long as the words of cmudict and their pronunciations.
    source = np.clip(rng.normal(7.5, 2.2, 50_000), 1, 28).astype(int)
    lengths = np.stack([source, np.clip(source - 1 + rng.integers(-1, 2, 50_000), 1, 28)], axis=1)
    for tokens in (1000, 4000):
        batches = plan(lengths, tokens, seed=0, epoch=0)
        real = np.maximum(lengths[:, 0], lengths[:, 1] + 1).sum()
        assert real / sum(costs(lengths, batches)) > 0.95
        assert np.mean(costs(lengths, batches)) > 0.95 * tokens
        batch_of_row = np.empty(len(lengths), int)
        for index, batch in enumerate(plan(lengths, tokens, seed=0, epoch=1)):
            batch_of_row[batch.rows] = index
        neighbours_kept = [
            np.unique(batch_of_row[batch.rows], return_counts=True)[1].max() / len(batch)
            for batch in batches
            if len(batch) > 9
        ]
        assert np.mean(neighbours_kept) < 0.3
        # Short and long batches take turns.
        means = [lengths[batch.rows].mean() for batch in batches]
        assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.25


ROWS = st.lists(
    st.tuples(st.lists(st.integers(0, 69_999), min_size=1), st.lists(st.integers(0, 99), min_size=1)), min_size=1
)


@given(ROWS, st.sampled_from([100, 1 << 16, 70_000]))
def test_the_store_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[list[int], list[int]]], size: int
) -> None:
    rows = [([i % size for i in source], target) for source, target in rows]
    folder: Path = tmp_path_factory.mktemp("store") / "train"
    writer = Writer(folder, (size, 100))
    half = len(rows) // 2
    for part, file in ((rows[:half], "a.tsv"), (rows[half:], "b.tsv")):
        origins = [(file, 10_000_000_000 + line) for line in range(len(part))]
        writer.extend([s for s, _ in part], [t for _, t in part], origins)
    writer.close()
    store = Store(folder)
    assert [(s.tolist(), t.tolist()) for s, t in (store[i] for i in range(len(store)))] == rows
    assert store.lengths.tolist() == [[len(s), len(t)] for s, t in rows]
    assert store[0][0].dtype == (np.uint32 if size > 1 << 16 else np.uint16)
    assert store.where(len(rows) - 1) == f"b.tsv line {10_000_000_000 + len(rows) - half - 1}"
    with pytest.raises(IndexError):
        store[len(rows)]
