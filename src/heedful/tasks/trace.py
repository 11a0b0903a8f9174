"""One finished answer of a network, teacher-forced: what was read, what was answered, and how to ask it once more.

All that explains goes by this alone and knows no task: input vectors are what an embedding puts out, so they are
exchanged by a hook behind it.

R copies of the example   S positions that were read   T answers   D width   V what an answer is chosen among
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.pixels import Pixels
from heedful.data.batch import pad_rows
from heedful.data.pictures.png import png
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.explanations import Units
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.encoders import Encoder
from heedful.networks.joins import EncoderDecoder
from heedful.tasks.inputs import Preprocessor

CLASS_TOKEN = "[class]"


@dataclass(frozen=True)
class Reading:
    """A source as a network read it: a unit for each row of its input vectors.

    `embedding` puts these vectors out at its `call`-th call in a run. `encoder`: what reads them, None where a decoder
    does. `baseline` (S, D): the vectors of a source that says nothing; special tokens are in it as they are. `pool`
    (T, S): how much of each position is in what an answer is made of, where that is known.
    """

    units: Units
    embedding: nn.Module
    baseline: Tensor
    encoder: nn.Module | None = None
    call: int = 0
    pool: Tensor | None = None


def as_they_are(outputs: Tensor) -> Tensor:
    """The head of a network whose outputs are logits."""
    return outputs


@dataclass(frozen=True)
class Trace:
    """A network on one finished answer.

    `run(R)` gives its outputs (R, T, D) for R copies of the example, `head` logits (..., V) of outputs (..., D): of a
    large vocabulary only those that are asked for are made. `chosen` (T,) was answered; `find` gives the
    numbers that a text stands for among what could have been, `name` what a number is called. A `decoder` had read
    `decoded` when it answered, the first answer at its position `first`.
    """

    network: nn.Module
    question: str
    answer: str
    readings: tuple[Reading, ...]
    answered: Units
    chosen: Tensor
    run: Callable[[int], Tensor]
    find: Callable[[str], Sequence[int]]
    name: Callable[[int], str]
    decoder: nn.Module | None = None
    decoded: Units | None = None
    first: int = 0
    head: Callable[[Tensor], Tensor] = as_they_are
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.chosen.device

    def reading_name(self, number: int) -> str:
        """How the units of a source are called in an explanation."""
        return "read" if len(self.readings) == 1 else f"read.{number}"

    def vectors(self) -> list[Tensor]:
        """The input vectors (S, D) of each source."""
        seen: dict[int, Tensor] = {}

        def see(number: int, output: Tensor) -> Tensor:
            seen[number] = output[0].detach()
            return output

        with torch.no_grad(), self.hooked(see):
            self.run(1)
        return [seen[number] for number in range(len(self.readings))]

    def outputs(self, vectors: Mapping[int, Tensor]) -> Tensor:
        """The outputs (R, T, D) for these input vectors (R, S, D) of some sources; the others are as they were read."""
        with self.hooked(lambda number, output: vectors.get(number, output)):
            return self.run(len(next(iter(vectors.values()))))

    @contextmanager
    def hooked(self, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
        """While open, what embeddings put out for source number n is `change(n, output)`."""
        calls = dict.fromkeys((reading.embedding for reading in self.readings), 0)
        numbers = {(reading.embedding, reading.call): number for number, reading in enumerate(self.readings)}

        def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            number = numbers.get((module, calls[module]))
            calls[module] += 1
            return output if number is None else change(number, output)

        handles = [module.register_forward_hook(hook) for module in calls]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def copies(tensor: Tensor, number: int) -> Tensor:
    """(1, ...) -> (R, ...), without any copying."""
    return tensor.expand(number, *tensor.shape[1:])


def to_device(network: nn.Module, *arrays: np.ndarray) -> list[Tensor]:
    """One example's arrays (...) as tensors (1, ...) where the network is; integers as int64."""
    device = next(network.parameters()).device
    tensors = [torch.from_numpy(np.array(array))[None].to(device) for array in arrays]  # copied: pixels are read-only
    return [tensor if tensor.dtype in (torch.uint8, torch.float32) else tensor.long() for tensor in tensors]


@torch.no_grad()
def embed(embedding: nn.Module, array: np.ndarray) -> Tensor:
    """The vectors (S, D) of one source."""
    return embedding(*to_device(embedding, array))[0]


def text_units(tokenizer: Tokenizer, ids: Sequence[int] | np.ndarray) -> Units:
    """The tokens of a text; what is masked is called so."""
    names = [
        "[MASK]" if number == tokenizer.mask else tokenizer.display(int(number)) for number in np.asarray(ids).tolist()
    ]
    return Units("words", tuple(names))


def blank_text(embedding: nn.Module, ids: np.ndarray, tokenizer: Tokenizer) -> Tensor:
    """The baseline (S, D) of a text: the mean of all entries' vectors, but special tokens as they are."""
    special, vectors = tokenizer.special_tokens, embed(embedding, ids)
    kept = {special.begin, special.end, special.pad, tokenizer.mask, *special.before, *special.after}
    mean = embed(embedding, np.arange(tokenizer.size)).mean(0)
    marks = torch.tensor([number in kept for number in ids.tolist()], device=vectors.device)
    return torch.where(marks.unsqueeze(1), vectors, mean)


def picture_units(embedding: PictureEmbedding, pixels: np.ndarray) -> Units:
    """The patches of a picture (H, W, C), row by row, behind the class token if there is one."""
    rows, columns = embedding.patches.grid
    lead = int(embedding.token is not None)
    names = [f"{row + 1},{column + 1}" for row in range(rows) for column in range(columns)]
    return Units("patches", (*[CLASS_TOKEN] * lead, *names), (rows, columns), lead, png(pixels))


def blank_picture(pixels: Pixels, shape: tuple[int, ...]) -> np.ndarray:
    """Pictures (..., H, W, C) of nothing but the mean colour of training."""
    colour = np.round(np.array(pixels.mean) * 255).astype(np.uint8)
    return np.broadcast_to(colour, shape).copy()


def read_source(
    preprocessor: Preprocessor,
    array: np.ndarray,
    side: tuple[nn.Module, Encoder],
    pool: Tensor | None = None,
) -> Reading:
    """A text or a picture as one side of a network reads it."""
    embedding, encoder = side
    assert isinstance(encoder, nn.Module)
    if preprocessor.positions:
        assert isinstance(embedding, PictureEmbedding) and preprocessor.pixels is not None
        blank = embed(embedding, blank_picture(preprocessor.pixels, array.shape))
        return Reading(picture_units(embedding, array), embedding, blank, encoder, pool=pool)
    baseline = blank_text(embedding, array, preprocessor.tokenizer)
    return Reading(text_units(preprocessor.tokenizer, array), embedding, baseline, encoder, pool=pool)


def trace_writing(
    network: EncoderDecoder,
    reading: Reading,
    source: tuple[np.ndarray, np.ndarray],
    tokens: tuple[int, Sequence[int]],
    answered: Units,
    question: str,
    answer: str,
    find: Callable[[str], Sequence[int]],
    name: Callable[[int], str],
) -> Trace:
    """An answer that was written behind a source (1, ...) with its lengths; `tokens`: what it begins behind, and it."""
    begin, written = tokens
    device = next(network.parameters()).device
    array, lengths = (torch.from_numpy(part).to(device) for part in source)
    inputs = pad_rows([np.array([begin, *written[:-1]])])[0].to(device)

    def run(number: int) -> Tensor:
        return network(copies(array, number), copies(lengths, number), copies(inputs, number))

    assert isinstance(network.decoder, nn.Module)
    return Trace(
        network.eval(),
        question,
        answer,
        (reading,),
        answered,
        torch.tensor(list(written), device=device),
        run,
        find,
        name,
        network.decoder,
        replace(answered, names=("<s>", *answered.names[:-1])),
        head=network.decoder.logits,
    )


def find_tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text; raises HeedfulError for one of which nothing is known.

    A word that is one token only behind a blank is taken to stand there.
    """
    special: SpecialTokens = tokenizer.special_tokens
    ids = tokenizer.encode(text)
    if len(ids) != 1 and len(behind := tokenizer.encode(f" {text}")) == 1:
        ids = behind
    if not ids or special.unknown in ids:
        raise HeedfulError(f"The vocabulary has no pieces for {text!r}.", "Name what the network could have answered.")
    return ids


def pool_weights(pool: str, encoder: nn.Module, steps: int, device: torch.device) -> Tensor | None:
    """How much of each of S positions is in the one vector (1, S) that an answer is made of; None: nobody can say."""
    summary = getattr(encoder, "summary", None) if pool == "summary" else "first" if pool == "class" else pool
    if summary not in ("mean", "first", "last"):
        return None
    weights = torch.zeros(1, steps, device=device)
    if summary == "mean":
        return weights + 1 / steps
    weights[0, 0 if summary == "first" else steps - 1] = 1.0
    return weights


def pick_positions(positions: Sequence[int], steps: int, device: torch.device) -> Tensor:
    """The pool (T, S) of answers that are each made of one position."""
    weights = torch.zeros(len(positions), steps, device=device)
    weights[list(range(len(positions))), list(positions)] = 1.0
    return weights
