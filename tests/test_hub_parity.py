"""Published weights against the library that published them: outputs, gradients, there and back, step by step."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import published
from conftest import SIZE, sample
from heedful import hub
from heedful.generation.rules import Rules, Special
from heedful.generation.search import Begin, Job, Search
from heedful.hub import files, layout
from heedful.hub.families import FAMILIES
from heedful.networks.decoders import Decoder
from heedful.sections import Generate
from published import Case, case, loud, oracle

OF_LARGEST = 1e-4
"""How far an output may be from theirs, as a share of the largest of them."""
SEEDS = range(20)

some_cases = pytest.mark.parametrize(
    ("family", "seed"), [one for name in published.FAMILIES for one in sample(product([name], SEEDS), 3)]
)


def assert_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], bound: float = OF_LARGEST) -> None:
    assert ours.keys() == theirs.keys()
    for name, other in theirs.items():
        assert ours[name].shape == other.shape and torch.isfinite(other).all()
        assert (ours[name] - other).abs().max() <= bound * other.abs().max(), name


@some_cases
def test_outputs_and_gradients_are_theirs(family: str, seed: int, tmp_path: Path) -> None:
    theirs = case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    network = hub.network(opened)
    ours, others = theirs.ours(network), theirs.theirs(theirs.model)
    assert_close(ours, others)
    for outputs in (ours, others):
        luck = torch.Generator().manual_seed(seed)
        torch.stack([(one * torch.randn(one.shape, generator=luck)).sum() for one in outputs.values()]).sum().backward()
    assert_gradients(opened, network, theirs, tmp_path / "gradients")


def assert_gradients(opened: hub.Published, network: torch.nn.Module, theirs: Case, folder: Path) -> None:
    """Theirs go the way that weights go: saved in their layout, and read by the table."""
    family = FAMILIES[opened.plan.family]
    buffers = {name for name, _ in theirs.model.named_buffers()}
    for weight in theirs.model.parameters():
        weight.data = torch.zeros_like(weight) if weight.grad is None else weight.grad
    theirs.save(folder)
    table = family.table(opened.plan)
    blank = {line.ours for line in table if isinstance(line, layout.Blank)}
    blank |= {line.ours[0] for line in table if isinstance(line, layout.Line) and line.theirs in buffers}
    expected, _ = layout.read(table, files.read_tensors(folder), family.aside, "gradients")
    largest = max(float(one.abs().max()) for one in expected.values())
    for name, weight in network.named_parameters():
        if name not in blank:
            found = torch.zeros_like(weight) if weight.grad is None else weight.grad
            assert (found - expected[name]).abs().max() <= 1e-4 * expected[name].abs().max() + 1e-5 * largest, name


@some_cases
def test_there_and_back_is_the_same(family: str, seed: int, tmp_path: Path) -> None:
    """The bytes of every tensor, every setting, and what their library computes of it; by way of a network too."""
    theirs = case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    hub.write(opened, tmp_path / "back")
    hub.write(hub.again(opened, hub.network(opened)), tmp_path / "through")
    before = load_file(tmp_path / "published" / "model.safetensors")
    library: Any = type(theirs.model)
    config = library.config_class.from_pretrained(tmp_path / "published").to_dict()
    for folder in (tmp_path / "back", tmp_path / "through"):
        after = load_file(folder / "model.safetensors")
        assert after.keys() == before.keys()
        assert all(after[name].numpy().tobytes() == one.numpy().tobytes() for name, one in before.items())
        assert library.config_class.from_pretrained(folder).to_dict() == config
    assert hub.Plan.parse(opened.plan.plain()) == opened.plan
    pooled = {} if not hasattr(theirs.model, "pooler") else {"add_pooling_layer": theirs.model.pooler is not None}
    back = library.from_pretrained(tmp_path / "back", **pooled).eval()
    assert_close(theirs.theirs(back), theirs.theirs(theirs.model), 0.0)


# Step by step: what a search finds, by our rules and by theirs.

LONGEST, QUESTIONS = 12, 200 if SIZE == "all" else 20
"""Tokens of an answer, and how many questions are asked."""


def greedy(decoder: Decoder, begin: Begin, first: int, end: int) -> list[list[int]]:
    """Our answers to all questions, the end left out."""
    search = Search([decoder], begin, Special(first, end), Generate(beam=1), Rules())
    return [list(found[0].tokens) for found in search.run([Job(1, LONGEST)] * QUESTIONS)]


def assert_alike(ours: list[list[int]], theirs: torch.Tensor, scores: tuple[torch.Tensor, ...], end: int) -> None:
    """Token for token; where one differs, the two likeliest were as good as alike."""
    for row, (one, other) in enumerate(zip(ours, theirs.tolist(), strict=True)):
        expected = other[: other.index(end)] if end in other else other
        if one != expected:
            step = next(at for at in range(LONGEST) if one[at : at + 1] != expected[at : at + 1])
            best = scores[step][row].topk(2).values
            assert best[0] - best[1] <= 1e-4 * best[0].abs(), (row, one, expected)
    assert len({tuple(one) for one in ours}) > min(QUESTIONS // 4, 10)


@torch.inference_mode()
def test_gpt2_goes_on_with_prompts_as_theirs_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    sizes = {"vocab_size": 40, "n_positions": 32, "n_embd": 24, "n_layer": 2, "n_head": 3}
    config = oracle.GPT2Config(**sizes, eos_token_id=39, tie_word_embeddings=False)
    model = oracle.GPT2LMHeadModel(config).eval()
    loud(model)
    model.save_pretrained(tmp_path)
    network: Any = hub.network(hub.open(tmp_path))
    prompts = torch.randint(1, 39, (QUESTIONS, 5))
    prompts[:, -1] = 0

    def begin(numbers: Sequence[int], beams: int, room: int) -> tuple[Any, ...]:
        state = network.decoder.start(None, rows=len(numbers), room=LONGEST + 5)
        return (network.decoder(prompts[list(numbers), :-1], state)[1],)

    found = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=False,
        max_new_tokens=LONGEST,
        pad_token_id=39,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert_alike(greedy(network.decoder, begin, 0, 39), found.sequences[:, 5:], found.logits, 39)


@torch.inference_mode()
def test_marian_translates_as_theirs_does(tmp_path: Path) -> None:
    torch.manual_seed(4)
    sides = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 30, "decoder_ffn_dim": 30}
    heads = {"encoder_attention_heads": 3, "decoder_attention_heads": 3, "forced_eos_token_id": None}
    special = {"pad_token_id": 39, "decoder_start_token_id": 39, "eos_token_id": 0}
    apart = {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False}  # tied, they repeat themselves
    sizes = {"vocab_size": 40, "d_model": 24, "max_position_embeddings": 32}
    config = oracle.MarianConfig(**sizes, **sides, **heads, **special, **apart)
    model = oracle.MarianMTModel(config).eval()
    loud(model, 0.8)
    model.save_pretrained(tmp_path)
    opened = hub.open(tmp_path)
    network: Any = hub.network(opened)
    assert hub.ids(opened) == {"begin": 39, "end": 0, "pad": 39}
    lengths, source = torch.randint(1, 9, (QUESTIONS,)), torch.randint(1, 39, (QUESTIONS, 8))
    source[torch.arange(8) >= lengths.unsqueeze(1)] = 39

    def begin(numbers: Sequence[int], beams: int, room: int) -> tuple[Any, ...]:
        memory = network.read(source[list(numbers)], lengths[list(numbers)])
        return (network.decoder.start(memory, room=room),)

    found = model.generate(
        source,
        attention_mask=published.shown(lengths, 8),
        do_sample=False,
        num_beams=1,
        max_new_tokens=LONGEST,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert_alike(greedy(network.decoder, begin, 39, 0), found.sequences[:, 1:], found.logits, 0)


# The sizes that are published, with weights as training begins.

LAYERS = None if SIZE == "all" else 1
"""All, or one layer of the published width."""


def published_sizes(family: str) -> tuple[Any, Any]:
    """A model, and its processor if it reads pictures."""
    less = {} if LAYERS is None else {"num_hidden_layers": LAYERS}
    words = {} if LAYERS is None else {"vocab_size": 1000}
    match family:
        case "gpt2":
            return oracle.GPT2LMHeadModel(oracle.GPT2Config(**less, **words)), None
        case "bert":
            return oracle.BertForMaskedLM(oracle.BertConfig(**less, **words)), None
        case "vit":
            return oracle.ViTForImageClassification(oracle.ViTConfig(**less)), published.vit_processor(224)
        case "clip":
            config = oracle.CLIPConfig(text_config=less, vision_config=less)
            return oracle.CLIPModel(config), published.CLIPImageProcessorPil()
        case _:
            layers = LAYERS or 6
            config = oracle.MarianConfig(
                vocab_size=58101 if LAYERS is None else 1000,
                d_model=512,
                encoder_layers=layers,
                decoder_layers=layers,
                encoder_attention_heads=8,
                decoder_attention_heads=8,
                encoder_ffn_dim=2048,
                decoder_ffn_dim=2048,
                activation_function="swish",
                scale_embedding=True,
                max_position_embeddings=512,
                pad_token_id=999,
                decoder_start_token_id=999,
            )
            return oracle.MarianMTModel(config), None


@torch.inference_mode()
@pytest.mark.parametrize("family", [name for name in published.FAMILIES if name != "captioner"])
def test_published_sizes(family: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model, processor = published_sizes(family)
    model.eval()
    whole = Case(model, lambda _: {}, lambda _: {}, processor)
    network: Any = hub.network(hub.open(whole.save(tmp_path)))
    words, longest = torch.randint(2, 999, (2, 64)), torch.tensor([64, 64])
    pictures = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    match family:
        case "gpt2":
            ours, theirs = network.decoder.logits(network(words)), model(words).logits
        case "bert":
            ours, theirs = network.logits(network(words, longest)), model(words).logits
        case "vit":
            values = prepared(pictures, processor)
            ours, theirs = network(pictures, torch.tensor([197, 197])), model(values).logits
        case "clip":
            words = torch.cat([words, torch.full((2, 1), 49407)], dim=1)
            sides = (pictures, torch.tensor([50, 50])), (words, longest + 1)
            ours = network(*sides)
            theirs = model(input_ids=words, pixel_values=prepared(pictures, processor)).logits_per_image
        case _:
            ours = network.decoder.logits(network(words, longest, words))
            theirs = model(input_ids=words, decoder_input_ids=words).logits
    assert_close({"logits": ours}, {"logits": theirs})


def prepared(pictures: torch.Tensor, processor: Any) -> torch.Tensor:
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    return ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
