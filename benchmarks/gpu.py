"""What a GPU gives: training and answering on it beside plain PyTorch and transformers, in under eight minutes.

    python benchmarks/gpu.py                              # needs a GPU of CUDA, and pip install "heedful[bench]"
    python benchmarks/gpu.py --tiny --device cpu          # whether all of it runs, without a GPU
    python benchmarks/gpu.py --parts gpt,translator --output gpu.json

Both sides have the same numbers of weights, batches and precision, and take turns. A GPT of 10.8 million weights is
trained beside a plain loop that torch.compile has compiled; a translator beside the loop that transformers' docs show,
on our batches; then both translate a corpus greedily, by the same weights. At the end come what has to hold: a seed
gives the same bytes twice, and each task trains and answers there.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful import recipe as recipes
from heedful.api.export import export
from heedful.api.loading import at_hand, load
from heedful.api.train import run
from heedful.schema import Recipe
from heedful.tasks import TASKS
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.loop import Loop
from heedful.training.machine import multiplies_bfloat16
from heedful.training.progress import Quiet
from heedful.training.work import Work

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.tiny_tasks import recipe as tiny_recipe
from support.tiny_tasks import write_data

WARM = 12  # steps that are not counted: the first ones compile, plan and ask for memory
TURNS = 3


@dataclass(frozen=True)
class Scale:
    """How large all is. `gpt`: width, layers, heads, window, rows; `seconds` of each turn."""

    device: str
    gpt: tuple[int, int, int, int, int] = (384, 6, 6, 256, 64)
    size: str = "small"
    vocabulary: int = 8000
    batch_tokens: int = 8192
    pairs: int = 20_000
    texts: int = 2000
    seconds: float = 8.0

    @property
    def precision(self) -> str:
        """What both sides compute in."""
        return "bfloat16" if multiplies_bfloat16(self.device) else "float32"


TINY: dict[str, Any] = {
    "gpt": (32, 2, 2, 32, 4),
    "size": "tiny",
    "vocabulary": 400,
    "batch_tokens": 256,
    "pairs": 500,
    "texts": 40,
    "seconds": 0.3,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small networks and moments: says nothing of speed")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--output", type=Path, help="a file for the figures")
    options = parser.parse_args()
    os.environ["HEEDFUL_ENGINE"] = "torch"
    scale = Scale(options.device, **(TINY if options.tiny else {}))
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else options.device
    print(
        f"{name}, torch {torch.__version__}, {scale.precision}{', tiny: says nothing of speed' * options.tiny}",
        flush=True,
    )
    lines = list[Line]()
    for part in options.parts.split(","):
        with tempfile.TemporaryDirectory() as folder:
            for line in PARTS[part](scale, Path(folder)):
                lines.append(line)
                print(line, flush=True)
    if options.output:
        options.output.write_text(json.dumps({"device": name, "lines": [asdict(line) for line in lines]}, indent=1))


@dataclass(frozen=True)
class Line:
    """A figure of ours, beside another's where there is one, and by how much ours should be above it."""

    what: str
    ours: float
    theirs: float = 0.0
    bar: float = 0.0
    unit: str = "tokens/s"

    def __str__(self) -> str:
        if not self.theirs:
            return f"{self.what}: {self.ours:,.0f} {self.unit}"
        ratio = self.ours / self.theirs
        verdict = "passed" if ratio >= self.bar else "missed"
        against = f"{self.ours:,.0f} against {self.theirs:,.0f} {self.unit}"
        return f"{self.what}: {against}, {ratio:.2f} × (bar {self.bar} ×: {verdict})"


def train_gpt(scale: Scale, folder: Path) -> list[Line]:
    """A GPT of characters, as nanoGPT has it: all rows are as long."""
    width, layers, heads, window, rows = scale.gpt
    network = {"name": "gpt", "size": "tiny", "width": width, "depth": layers, "heads": heads, "context": window}
    settings = {f"network.{key}": value for key, value in network.items()} | {"network.dropout": 0.0}
    data = {"data.train": ["sample://topics"], "data.source_tokenizer": "characters", "data.window": window}
    recipe = training("complete", scale, settings | data | {"train.batch_tokens": rows * (window + 1)})
    model, work, recipe = prepare(recipe, folder)
    loop = Loop(work, recipe.train, 0, folder / "loop", Quiet())
    plain = PlainGPT(scale, model.tokenizer.size)
    weights = sum(weight.numel() for weight in model.network.parameters())
    ours, theirs = in_turns(scale, [step_of(loop), plain.step], loop.catch_up)
    return [Line(f"training a GPT of {weights / 1e6:.1f} M weights", ours, theirs, 0.9)]


class PlainGPT:
    """The same network in plain PyTorch, compiled on a GPU, and its loop: windows drawn from a text on the device."""

    def __init__(self, scale: Scale, vocabulary: int) -> None:
        width, layers, heads, self.window, self.rows = scale.gpt
        self.scale, self.device = scale, torch.device(scale.device)
        network = PlainNetwork(vocabulary, width, layers, heads, self.window).to(self.device)
        self.network: Callable[[Tensor], Tensor] = torch.compile(network) if self.device.type == "cuda" else network
        self.weights = list(network.parameters())
        self.optimizer = torch.optim.AdamW(self.weights, 1e-3, betas=(0.9, 0.98), fused=True)
        self.text = torch.randint(vocabulary, (1_000_000,), device=self.device)
        self.places = torch.arange(self.window + 1, device=self.device)

    def step(self) -> int:
        """One step; how many tokens it learnt."""
        starts = torch.randint(len(self.text) - self.window - 1, (self.rows, 1), device=self.device)
        rows = self.text[starts + self.places]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.scale.precision == "bfloat16"):
            loss = F.cross_entropy(self.network(rows[:, :-1]).flatten(0, 1).float(), rows[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return rows[:, 1:].numel()


class PlainNetwork(nn.Module):
    """Embeddings, blocks, a norm and logits by the embeddings."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, window: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(window, width)
        self.blocks = nn.Sequential(*(PlainBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.blocks(self.tokens(ids) + self.places.weight[: ids.size(1)])
        return self.norm(x) @ self.tokens.weight.T


class PlainBlock(nn.Module):
    """Attention, then two layers with GELU between them, each behind a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.first, self.second = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(self.first(x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.second(x))))


def train_translator(scale: Scale, folder: Path) -> list[Line]:
    """A translator of sentences into themselves backwards, beside transformers' Marian of its shape; then a corpus."""
    import transformers

    pairs = write_pairs(folder / "pairs.tsv", scale.pairs)
    network = {"network.name": "vaswani2017", "network.size": scale.size, "network.positions": "sinusoidal"}
    pieces = {f"data.{side}_tokenizer": "bpe" for side in ("source", "target")} | {"data.vocabulary": scale.vocabulary}
    batches = {"train.batch_tokens": scale.batch_tokens, "generate.max_length": 64}
    recipe = training("translate", scale, network | pieces | batches | {"data.train": [str(folder / "pairs.tsv")]})
    model, work, recipe = prepare(recipe, folder)
    at_hand(folder, recipe, model).save(folder / "run")
    export(folder / "run", "hf", folder / "hf")
    published: Any = transformers.MarianMTModel
    marian = published.from_pretrained(folder / "hf").to(scale.device)
    loop = Loop(work, recipe.train, 0, folder / "loop", Quiet())
    ours, theirs = in_turns(scale, [step_of(loop), marian_step(marian, work, scale)], loop.catch_up)
    lines = [Line(f"training a translator ({scale.size})", ours, theirs, 3.0)]
    marian = published.from_pretrained(folder / "hf").to(scale.device).eval()
    sources = [source for source, _ in pairs[: scale.texts]]
    return [*lines, *answer_corpus(folder, marian, sources, scale)]


def marian_step(marian: Any, work: Work, scale: Scale) -> Callable[[], int]:
    """A step of transformers' model on our batches: its own loss, and nothing of ours."""
    device = torch.device(scale.device)
    optimizer = torch.optim.AdamW(marian.parameters(), 1e-4, fused=True)
    batches = (work.collate(rows) for epoch in range(10**6) for rows in work.plan(epoch))
    marian.train()

    def step() -> int:
        batch = next(batches)
        asked = torch.arange(batch["source"].size(1)) < batch["lengths"].unsqueeze(1)
        real = torch.arange(batch["targets"].size(1)) < batch["steps"].unsqueeze(1)
        given = {
            "input_ids": batch["source"],
            "attention_mask": asked.long(),
            "decoder_input_ids": batch["inputs"],
            "labels": batch["targets"].masked_fill(~real, -100),
        }
        with torch.autocast(device.type, torch.bfloat16, enabled=scale.precision == "bfloat16"):
            loss = marian(**{name: tensor.to(device) for name, tensor in given.items()}).loss
        loss.backward()
        nn.utils.clip_grad_norm_(marian.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return int(real.sum())

    return step


def answer_corpus(folder: Path, marian: Any, sources: list[str], scale: Scale) -> list[Line]:
    """Texts in, texts out, greedily; transformers in batches of 64 of like lengths."""
    from transformers import AutoTokenizer

    reads = AutoTokenizer.from_pretrained(folder / "hf")
    writes = AutoTokenizer.from_pretrained(folder / "hf", subfolder="target")
    model = load(folder / "run", engine="torch", device=scale.device)

    def ours() -> list[str]:
        return model.predict(sources, beam=1)

    @torch.inference_mode()
    def theirs() -> list[str]:
        order, answers = sorted(range(len(sources)), key=lambda row: -len(sources[row])), [""] * len(sources)
        for first in range(0, len(order), 64):
            rows = order[first : first + 64]
            batch = reads([sources[row] for row in rows], padding=True, return_tensors="pt").to(scale.device)
            ids = marian.generate(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], num_beams=1, max_new_tokens=64
            )
            for row, text in zip(rows, writes.batch_decode(ids, skip_special_tokens=True), strict=True):
                answers[row] = text
        return answers

    times, answers = {ours: list[float](), theirs: list[float]()}, dict[Any, list[str]]()
    for _ in range(TURNS):
        for ask, seconds in times.items():
            start = time.perf_counter()
            answers[ask] = ask()
            seconds.append(time.perf_counter() - start)
    speeds = [len(sources) / statistics.median(seconds) for seconds in times.values()]
    alike = sum(one.strip() == other.strip() for one, other in zip(answers[ours], answers[theirs], strict=True))
    return [
        Line("translating a corpus", *speeds, bar=3.0, unit="texts/s"),
        Line(f"the same answers, of {len(sources):,}", alike, unit="texts"),
    ]


def same_seed(scale: Scale, folder: Path) -> list[Line]:
    """Whether a seed gives the same bytes twice."""
    write_pairs(folder / "pairs.tsv", 500)
    settings = {"network.name": "vaswani2017", "network.size": "tiny", "data.train": [str(folder / "pairs.tsv")]}
    recipe = training("translate", scale, settings | {"train.steps": 30, "generate.max_length": 16})
    hashes = set[str]()
    for name in ("first", "second"):
        run(recipe, folder / name, Quiet())
        hashes.add(hashlib.sha256((folder / name / "model.safetensors").read_bytes()).hexdigest())
    return [Line("different weights of one seed, of two trainings", len(hashes) - 1, unit="")]


def every_task(scale: Scale, folder: Path) -> list[Line]:
    """Trains a network of each task for a moment, and asks it."""
    files, lines = write_data(folder, 0), list[Line]()
    for task in TASKS:
        row = find_task(task).facts.network
        if task == "translate":
            write_pairs(folder / "pairs.tsv", 100)
            settings = {"network.name": row, "network.size": "tiny", "data.train": [str(folder / "pairs.tsv")]}
            recipe = training(task, scale, settings | {"train.steps": 3, "generate.max_length": 8})
        else:
            recipe = tiny_recipe(files, task, row, train__device=scale.device)
        run(recipe, folder / task, Quiet())
        model = load(folder / task, engine="torch", device=scale.device)
        sources = [example.source for example in model.read()][:8]
        answers = model.among(sources, []) if task == "match" else model.answer(model.prompts(sources))
        lines.append(
            Line(
                f"{task} ({row}) trained there, and answered on {model.parts[0].device_of('torch')}",
                len(answers),
                unit="inputs",
            )
        )
    return lines


def training(task: str, scale: Scale, settings: dict[str, Any]) -> Recipe:
    """A recipe on the device, in steps, whose weights are moved as others move theirs."""
    fixed = {"train.device": scale.device, "train.precision": scale.precision, "train.optimizer": "adamw"}
    fixed |= {"train.steps": 10**6, "train.valid_every": 0}
    return recipes.build(task, fixed | settings)


def prepare(recipe: Recipe, folder: Path) -> tuple[Any, Work, Recipe]:
    """A model with fresh weights, what a loop needs to train it, and the complete recipe."""
    learning: Any = find_task(recipe.task).learning
    (folder / "loop").mkdir()
    recipe = learning.resolve(recipe)
    recipe = replace(recipe, train=decide.resolve(recipe.train))
    prepared = learning.prepare(recipe, folder / "prepared", lambda text: None)
    recipe = learning.resolve_for_data(recipe, prepared)
    torch.manual_seed(0)
    model = learning.build(recipe, prepared)
    return model, learning.work(model, prepared, recipe), recipe


def step_of(loop: Loop) -> Callable[[], int]:
    """A step of our loop, and how many tokens it learnt."""
    batches = loop.batches()

    def step() -> int:
        before = loop.tokens
        loop.step(batches)
        return loop.tokens - before

    return step


def in_turns(scale: Scale, steps: list[Callable[[], int]], catch_up: Callable[[], None]) -> list[float]:
    """Tokens a second of each, the median of turns."""
    speeds = [list[float]() for _ in steps]
    for step in steps:
        for _ in range(WARM):
            step()
    for _ in range(TURNS):
        for step, found in zip(steps, speeds, strict=True):
            wait(scale)
            start, tokens = time.perf_counter(), 0
            while time.perf_counter() - start < scale.seconds:
                tokens += step()
            catch_up()
            wait(scale)
            found.append(tokens / (time.perf_counter() - start))
    return [statistics.median(found) for found in speeds]


def wait(scale: Scale) -> None:
    """Until the device has done all."""
    if scale.device.startswith("cuda"):
        torch.cuda.synchronize()


def write_pairs(file: Path, rows: int) -> list[tuple[str, str]]:
    """Stretches of CPython's help texts, each with its words backwards."""
    words, pairs = " ".join(topics.values()).split(), list[tuple[str, str]]()
    for number in range(rows):
        first = number * 17 % (len(words) - 30)
        stretch = words[first : first + 5 + number % 20]
        pairs.append((" ".join(stretch), " ".join(reversed(stretch))))
    pairs = list(dict.fromkeys(pairs))
    file.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return pairs


PARTS: dict[str, Callable[[Scale, Path], list[Line]]] = {
    "gpt": train_gpt,
    "translator": train_translator,
    "seed": same_seed,
    "tasks": every_task,
}

if __name__ == "__main__":
    main()
