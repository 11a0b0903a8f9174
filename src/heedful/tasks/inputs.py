"""What tasks share in reading their sources: texts by a tokenizer, pictures of one form, alike for every network.

N sources   S positions   D width
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from heedful.blocks.pixels import Pixels
from heedful.data import batching
from heedful.data.normal_form import normalize_text
from heedful.data.pictures.album import Album, digest_of_pixels
from heedful.data.pictures.png import png
from heedful.data.pictures.read import Form, decode, read_pictures
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import NormalForm
from heedful.tasks.long import Lengths, Room, limit_of
from heedful.types_of_values import check_record

PICTURE_SETTINGS = {"patch": "auto", "stem": "auto"}
"""Settings of networks that read pictures, decided when the first picture is seen."""


@dataclass(frozen=True)
class Preprocessor:
    """How sources become what a network's embedding takes. `positions` of each picture; 0: texts, which differ.

    Texts are read in the Unicode form `normal_form`, that of the texts in training, and behind `prompt`.
    """

    coder: Tokenizer | Form
    pixels: Pixels | None = None
    positions: int = 0
    normal_form: NormalForm = "none"
    prompt: str = ""

    @property
    def tokenizer(self) -> Tokenizer:
        """That of texts."""
        assert isinstance(self.coder, Tokenizer)
        return self.coder

    @property
    def form(self) -> Form:
        """That of pictures."""
        assert isinstance(self.coder, Form)
        return self.coder

    def arrays(self, sources: Sequence[str], album: Album | None = None) -> list[np.ndarray]:
        """Each source as ids between its marks, or as pixels; pictures that stand in `album` are not read again.

        Raises HeedfulError for a picture that cannot be read.
        """
        if isinstance(self.coder, Form):
            return list(album.of(sources) if album else read_pictures(sources, self.coder))
        texts = [self.prompt + normalize_text(text, self.normal_form) for text in sources]
        return [np.array(self.tokenizer.special_tokens.around(ids)) for ids in self.tokenizer.encode_batch(texts)]

    def lengths(self, sources: Sequence[str], limits: Sequence[int | None]) -> Lengths | None:
        """How many tokens texts have, and how many of them networks of these limits read; None: there is no limit."""
        limit = limit_of(limits)
        if limit is None or self.positions:
            return None
        return Lengths(np.array([len(array) for array in self.arrays(sources)], np.int64), limit)

    def cut(self, arrays: Sequence[np.ndarray], limits: Sequence[int | None]) -> list[np.ndarray]:
        """Texts as networks of these limits read them: the beginning of a long one, and the tokens that end it."""
        limit = limit_of(limits)
        if limit is None or self.positions:
            return list(arrays)
        after = len(self.tokenizer.special_tokens.after)
        kept = max(0, limit - after)
        return [
            np.concatenate([array[:kept], array[len(array) - after :]]) if len(array) > limit else array
            for array in arrays
        ]

    def room(self, limit: int | None) -> int | None:
        """The tokens that a limit leaves to a text between its special ones; None: there is no limit."""
        return None if self.positions else Room.within(limit, self.marks)

    @property
    def marks(self) -> int:
        """How many special tokens stand around a text."""
        return 0 if self.positions else len(self.tokenizer.special_tokens.around([]))

    def unknown(self, source: str) -> tuple[str, ...]:
        """The pieces of a text that no entry of the vocabulary stands for; of a picture none."""
        return self.unknown_batch([source])[0]

    def unknown_batch(self, sources: Sequence[str]) -> list[tuple[str, ...]]:
        """The same of each source."""
        if isinstance(self.coder, Form):
            return [()] * len(sources)
        texts = [normalize_text(source, self.normal_form) for source in sources]
        return [tuple(pieces) for pieces in self.coder.unknown_batch(texts)]

    def positions_of(self, array: np.ndarray) -> int:
        """How many positions a network reads of it."""
        return self.positions or len(array)

    def stack(self, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Sources as one array (N, S, ...), padded behind, and how many positions of each are real (N,)."""
        if self.positions:
            return np.stack(arrays), np.full(len(arrays), self.positions)
        return batching.pad(arrays)

    def stacks(
        self, sources: Sequence[str], budget: int, limits: Sequence[int | None], album: Album | None = None
    ) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
        """Sources in stacks of at most `budget` positions, with their places in the list.

        Of a text with more of them than one of the `limits` of networks, the beginning.
        """
        arrays = self.cut(self.arrays(sources, album), limits)
        lengths = np.array([self.positions_of(array) for array in arrays])
        for rows in batching.order_for_inference(lengths, budget) if arrays else ():
            yield rows, self.stack([arrays[row] for row in rows])

    def contents(self, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        """What examples hold as their sources, and where: texts, or the pixels of pictures in this form."""
        for example in examples:
            if isinstance(self.coder, Form):
                yield example.where, digest_of_pixels(decode(example.source, self.coder)[0])
            else:
                yield example.where, example.source.encode()

    def same_as(self, other: "Preprocessor") -> bool:
        """Whether both read alike."""
        if isinstance(self.coder, Tokenizer) and isinstance(other.coder, Tokenizer):
            return self.coder.dump() == other.coder.dump()
        return self.coder == other.coder

    def prints(self, sources: Iterable[str]) -> Mapping[str, bytes]:
        """Sources as people are shown them, if they are pictures."""
        return Prints(sources, self.coder) if isinstance(self.coder, Form) else {}

    def config(self) -> dict[str, Any]:
        """What `load_preprocessor` must know beside a tokenizer's file."""
        if not isinstance(self.coder, Form):
            return {} if self.normal_form == "none" else {"normal_form": self.normal_form}
        assert self.pixels is not None
        return {"picture": self.coder.plain(), "pixels": asdict(self.pixels), "positions": self.positions}


def load_preprocessor(config: dict[str, Any], tokenizer: Path) -> Preprocessor:
    """What `config` and the tokenizer's file tell; raises HeedfulError where that cannot be."""
    if "picture" not in config:
        return load_text_preprocessor(config, tokenizer)
    fields = config["pixels"]
    pixels = Pixels(fields["size"], tuple(fields["mean"]), tuple(fields["std"]))
    preprocessor = Preprocessor(Form.parse(config["picture"]), pixels, config["positions"])
    check_record(pixels)
    check_record(preprocessor)
    if preprocessor.positions < 1:
        raise HeedfulError(f"A picture cannot have {preprocessor.positions} positions.")
    return preprocessor


def load_text_preprocessor(config: dict[str, Any], tokenizer: Path) -> Preprocessor:
    """How texts are read, beside pictures too; a `config` without a normal form leaves them as they are."""
    return Preprocessor(load_tokenizer(tokenizer), normal_form=config.get("normal_form", "none"))


def source_seed(array: np.ndarray) -> int:
    """What draws for a source hang on beside the request's seed: what is read of it, wherever it stands."""
    return int.from_bytes(blake2b(array.tobytes(), digest_size=8).digest(), "little")


class Prints(Mapping[str, bytes]):
    """Pictures as PNG files by reference, each read when it is asked for; `through` makes others of their pixels."""

    def __init__(
        self, references: Iterable[str], form: Form, through: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        self.references, self.form, self.through = dict.fromkeys(references), form, through

    def __getitem__(self, reference: str) -> bytes:
        if reference not in self.references:
            raise KeyError(reference)
        pixels = read_pictures([reference], self.form)
        return png((self.through(pixels) if self.through else pixels)[0])

    def __iter__(self) -> Iterator[str]:
        return iter(self.references)

    def __len__(self) -> int:
        return len(self.references)
