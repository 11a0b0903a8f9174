"""How well does a plain GPT learn CPython's help texts? nanoGPT's recipe for a CPU, in plain PyTorch, beside ours.

    python benchmarks/nanogpt.py                   # about as long as two runs of `heedful train topics-gpt`
    python benchmarks/nanogpt.py --seeds 0,1,2     # the mean of three

4 layers, 4 heads, width 128, 64 characters at once; 2,000 steps of 12 rows; AdamW with beta2 0.99 and decay 0.1 on
matrices; the rate rises to 1e-3 in 100 steps and falls as a cosine to 1e-4; gradients are clipped at 1; no dropout, no
biases. The first 90 % of all topics of `pydoc_data`, joined, are learnt from; the loss is that of the last 10 %, in
nats a character, over windows of 64 one after another. Nothing of Heedful is used for the yardstick.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS, HEADS, WIDTH, BLOCK, ROWS = 4, 4, 128, 64, 12
PEAK, LOWEST, WARMUP = 1e-3, 1e-4, 100


class Block(nn.Module):
    """Attention, then two layers with GELU between them, each behind a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, steps, _ = x.shape
        q, k, v = (part.view(rows, steps, HEADS, -1).transpose(1, 2) for part in self.qkv(self.first(x)).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, steps, WIDTH))
        return x + self.down(F.gelu(self.up(self.second(x))))


class Plain(nn.Module):
    """GPT-2's shape, its first weights as Radford et al. 2019 draw them."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                deep = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * LAYERS) if deep else 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places(torch.arange(ids.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


def yardstick(text: str, steps: int, seed: int) -> float:
    """The loss on the held-out tenth after so many steps."""
    torch.manual_seed(seed)
    letters = {letter: number for number, letter in enumerate(sorted(set(text)))}
    ids = torch.tensor([letters[letter] for letter in text])
    split = int(0.9 * len(ids))
    train, test = ids[:split], ids[split:]
    network = Plain(len(letters))
    groups = [
        {"params": [w for w in network.parameters() if w.dim() > 1], "weight_decay": 0.1},
        {"params": [w for w in network.parameters() if w.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        starts = torch.randint(len(train) - BLOCK, (ROWS,)).tolist()
        rows = torch.stack([train[start : start + BLOCK + 1] for start in starts])
        loss = F.cross_entropy(network(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return held_out(network, test)


@torch.no_grad()
def held_out(network: nn.Module, ids: Tensor) -> float:
    """Nats a character over windows one after another, the last one shorter."""
    total, count = 0.0, 0
    for start in range(0, len(ids) - 1, BLOCK):
        row = ids[start : start + BLOCK + 1]
        total += F.cross_entropy(network(row[None, :-1])[0], row[1:], reduction="sum").item()
        count += len(row) - 1
    return total / count


def rate(step: int, steps: int) -> float:
    """The learning rate of a step."""
    if step < WARMUP:
        return PEAK * (step + 1) / (WARMUP + 1)
    progress = (step - WARMUP) / max(1, steps - WARMUP)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * progress)) * (PEAK - LOWEST)


def ours(steps: int, seed: int, network: str) -> float:
    """The same from `heedful train topics-gpt`: the same text, rows and steps."""
    from heedful import recipe as recipes
    from heedful.api.train import run
    from heedful.cli.recipes import FOLDER
    from heedful.training.progress import Quiet

    changes = {"train.steps": steps, "seed": seed, "train.threads": torch.get_num_threads()}
    recipe = recipes.load(FOLDER / f"{network}.toml", changes)
    with tempfile.TemporaryDirectory() as folder:
        return math.log(run(recipe, Path(folder) / "run", Quiet()).evaluate().measures["perplexity"].value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", default="0", help="with commas between them; the mean is printed too")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--recipe", default="topics-gpt", help="a built-in recipe of the task complete")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text, seeds = "\n".join(topics.values()), [int(seed) for seed in options.seeds.split(",")]
    print(f"{len(text):,} characters, {options.steps:,} steps")
    losses_of: dict[str, list[float]] = {"plain PyTorch": [], options.recipe: []}
    for seed in seeds:
        for name, losses in losses_of.items():
            clock = time.perf_counter()
            plain = name == "plain PyTorch"
            loss = yardstick(text, options.steps, seed) if plain else ours(options.steps, seed, options.recipe)
            losses.append(loss)
            print(f"seed {seed}  {name:14} loss {loss:.4f}   {time.perf_counter() - clock:.0f} s", flush=True)
    for name, losses in losses_of.items():
        print(f"mean     {name:14} loss {sum(losses) / len(losses):.4f}")


if __name__ == "__main__":
    main()
