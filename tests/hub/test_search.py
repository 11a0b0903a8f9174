"""What a search finds with published weights, by our rules and by their library's: every token, greedily and by beams.

N questions   K beams   T tokens of an answer
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from ctranslate2 import Translator

from heedful import hub
from heedful.engines import ct2
from heedful.engines.plain import PlainStepper, ReadSources
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules, rules_of
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.networks.decoders import Decoder
from heedful.schema import GenerateSettings, parse_settings
from heedful.tasks.from_hub import close_settings, describe_search, search_settings
from heedful.tasks.recipes import build, change
from support import families, tiny_networks
from support.families import oracle, randomize_weights
from support.sampling import SIZE, sample

LONGEST, QUESTIONS = 12, 200 if SIZE == "all" else 20
"""Tokens of an answer, and how many questions are asked."""
END, PAD, VOCABULARY = 0, 39, 40
NEAR = 1e-4
"""Answers that theirs scores so much alike may change places."""


@dataclass(frozen=True)
class SearchCase:
    """A model of theirs and the same questions for both."""

    model: Any
    inputs: dict[str, Any]
    decoder: Decoder
    begin: ReadSources[int]
    first: int
    behind: int  # tokens of theirs that are no answer
    prompt_read: int = 0  # of ours, before the first


def gpt2() -> SearchCase:
    """Prompts of five tokens."""
    sizes = {"vocab_size": VOCABULARY, "n_positions": 32, "n_embd": 24, "n_layer": 2, "n_head": 3}
    ids = {"eos_token_id": END, "bos_token_id": END, "pad_token_id": PAD}
    model = oracle.GPT2LMHeadModel(oracle.GPT2Config(**sizes, **ids, tie_word_embeddings=False))
    network = ours(model, lambda _: None)
    prompts = torch.randint(1, PAD, (QUESTIONS, 5))
    prompts[:, -1] = 7

    def begin(numbers: Sequence[int], beams: int, capacity: int) -> tuple[Any, ...]:
        state = network.decoder.start(None, rows=len(numbers), capacity=LONGEST + 5)
        state = network.decoder(prompts[list(numbers), :-1], state)[1]
        return (state.select(torch.arange(len(numbers)).unsqueeze(1).expand(-1, beams)),)

    return SearchCase(
        model, {"input_ids": prompts, "attention_mask": torch.ones_like(prompts)}, network.decoder, begin, 7, 5, 4
    )


def marian() -> SearchCase:
    """Sources of one to eight tokens."""
    sides = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 30, "decoder_ffn_dim": 30}
    heads = {"encoder_attention_heads": 3, "decoder_attention_heads": 3, "forced_eos_token_id": None}
    ids = {"pad_token_id": PAD, "decoder_start_token_id": PAD, "eos_token_id": END}
    apart = {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False}  # tied, they repeat themselves
    sizes = {"vocab_size": VOCABULARY, "d_model": 24, "max_position_embeddings": 32}
    model = oracle.MarianMTModel(oracle.MarianConfig(**sizes, **sides, **heads, **ids, **apart))
    network = ours(model, marian_varies)
    lengths, source = torch.randint(1, 9, (QUESTIONS,)), torch.randint(1, PAD, (QUESTIONS, 8))
    source[torch.arange(8) >= lengths.unsqueeze(1)] = PAD

    def begin(numbers: Sequence[int], beams: int, capacity: int) -> tuple[Any, ...]:
        memory = network.read(source[list(numbers)], lengths[list(numbers)])
        return (network.decoder.start(memory, rows=len(numbers) * beams, capacity=capacity),)

    inputs = {"input_ids": source, "attention_mask": families.attention_mask(lengths, 8)}
    return SearchCase(model, inputs, network.decoder, begin, PAD, 1)


def captioner() -> SearchCase:
    """Pictures of noise."""
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 30}
    eyes = oracle.ViTConfig(hidden_size=24, **sizes, image_size=12, patch_size=4)
    mouth = oracle.GPT2Config(vocab_size=VOCABULARY, n_positions=32, n_embd=24, n_layer=2, n_head=3)
    config = oracle.VisionEncoderDecoderConfig.from_encoder_decoder_configs(eyes, mouth)
    config.decoder.tie_word_embeddings = config.tie_word_embeddings = False
    model, processor = oracle.VisionEncoderDecoderModel(config), families.vit_processor(12)
    for settings in (model.config, model.generation_config):
        settings.decoder_start_token_id, settings.pad_token_id, settings.eos_token_id = PAD, PAD, END
    network = ours(model, captioner_ends, processor)
    pictures = torch.randint(0, 256, (QUESTIONS, 12, 12, 3), dtype=torch.uint8)
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)

    def begin(numbers: Sequence[int], beams: int, capacity: int) -> tuple[Any, ...]:
        memory = network.read(pictures[list(numbers)], torch.full((len(numbers),), 10))
        return (network.decoder.start(memory, rows=len(numbers) * beams, capacity=capacity),)

    values = ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
    return SearchCase(model, {"pixel_values": values}, network.decoder, begin, PAD, 1)


def marian_varies(model: Any) -> None:
    """What was written matters beside the source, and some answers end: drawn at random, they say one word for ever."""
    for layer in model.model.decoder.layers:
        layer.encoder_attn.out_proj.weight.mul_(0.5)
        layer.self_attn.out_proj.weight.mul_(0.2)
        layer.fc2.weight.mul_(0.2)
    model.model.decoder.embed_tokens.weight.mul_(2)
    model.lm_head.weight.mul_(4)
    model.final_logits_bias[0, END] += 6


def captioner_ends(model: Any) -> None:
    """Some answers end."""
    model.decoder.lm_head.weight.mul_(2)
    bias = model.decoder.transformer.ln_f.bias.normal_(0, 1)
    model.decoder.lm_head.weight[END] += 0.17 * bias


@torch.no_grad()
def ours(model: Any, change: Callable[[Any], Any], processor: Any = None) -> Any:
    """The same network by our parts, with weights that are far from where training begins."""
    randomize_weights(model.eval(), 0.3)
    change(model)
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        if processor is not None:
            processor.save_pretrained(folder)
        return hub.network(hub.open(Path(folder)))


FAMILIES: dict[str, Callable[[], SearchCase]] = {"gpt2": gpt2, "marian": marian, "captioner": captioner}


@cache
def search_case(family: str) -> SearchCase:
    torch.manual_seed(3)
    return FAMILIES[family]()


STOPPING: dict[str, Any] = {"sure": "never", "likely": False, "full": True}
"""Our words for when a search is done, and theirs."""
MODES: list[dict[str, Any]] = [
    {"beam": beam, "length_penalty": penalty, "finish": finish, "close": close, "renormalize": renormalize}
    for beam, penalty in ((2, 1.0), (4, 1.0), (4, 0.0), (5, 2.0))
    for finish in STOPPING
    for close, renormalize in ((False, False), (True, True))
]


def our_answers(case: SearchCase, suppressed: tuple[int, ...], mode: dict[str, Any]) -> list[list[Hypothesis]]:
    """Our answers to all questions."""
    settings, special = parse_settings(GenerateSettings, mode), SpecialIds(case.first, END, suppressed)
    rules = rules_of(settings, special, lambda _: [], lambda _: "", VOCABULARY)
    stepper = PlainStepper([case.decoder], case.begin, special)
    requests = [Request(number, 1, LONGEST, prompt_read=case.prompt_read) for number in range(QUESTIONS)]
    return Search(stepper, settings, rules).run(requests)


def their_answers(case: SearchCase, **settings: Any) -> Any:
    common = {"do_sample": False, "max_new_tokens": LONGEST, "return_dict_in_generate": True, "pad_token_id": PAD}
    return case.model.generate(**case.inputs, **common, **settings)


def until_end(tokens: torch.Tensor, behind: int) -> list[list[int]]:
    """Answers without what is behind their end."""
    rows = [row[behind:] for row in tokens.tolist()]
    return [row[: row.index(END)] if END in row else row for row in rows]


@torch.inference_mode()
@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_answers_are_theirs(family: str) -> None:
    """Token for token; where one differs, the two likeliest were as good as alike."""
    case = search_case(family)
    expected = their_answers(case, output_logits=True)
    answers = [list(hypotheses[0].tokens) for hypotheses in our_answers(case, (), {"beam": 1})]
    for row, (mine, other) in enumerate(zip(answers, until_end(expected.sequences, case.behind), strict=True)):
        if mine != other:
            step = next(at for at in range(LONGEST) if mine[at : at + 1] != other[at : at + 1])
            best = expected.logits[step][row].topk(2).values
            assert best[0] - best[1] <= NEAR * best[0].abs(), (row, mine, other)
    assert len({tuple(mine) for mine in answers}) > QUESTIONS // 4


@torch.inference_mode()
@pytest.mark.parametrize("mode", sample(MODES, 6), ids=lambda mode: " ".join(map(str, mode.values())))
@pytest.mark.parametrize("family", FAMILIES)
def test_all_answers_of_a_beam_are_theirs(family: str, mode: dict[str, Any]) -> None:
    """Every answer of the beam, in their order and by their scores, unless theirs are as good as alike."""
    case, beam = search_case(family), mode["beam"]
    settings = {
        "num_beams": beam,
        "num_return_sequences": beam,
        "length_penalty": mode["length_penalty"],
        "early_stopping": STOPPING[mode["finish"]],
        "forced_eos_token_id": END if mode["close"] else None,
        "renormalize_logits": mode["renormalize"],
        "bad_words_ids": [[PAD], [3]],
    }
    expected = their_answers(case, output_scores=True, **settings)
    tokens, scores = until_end(expected.sequences, case.behind), expected.sequences_scores.view(QUESTIONS, beam)
    answers = our_answers(case, (PAD, 3), mode | {"n_best": beam})
    for row, hypotheses in enumerate(answers):
        mine, other = [list(hypothesis.tokens) for hypothesis in hypotheses], tokens[row * beam : (row + 1) * beam]
        if mine != other:
            place = next(at for at in range(beam) if mine[at] != other[at])
            near = scores[row, max(0, place - 1) : place + 2]
            assert near.diff().abs().min() <= NEAR * near.abs().max(), (row, mine, other)
        ranked = torch.tensor([hypothesis.normalised for hypothesis in hypotheses])
        assert torch.allclose(ranked, scores[row], rtol=NEAR, atol=NEAR)
    assert len({answer.tokens for hypotheses in answers for answer in hypotheses}) > QUESTIONS // 4


@pytest.mark.parametrize("mode", MODES)
def test_what_is_said_of_a_search_is_read_again(mode: dict[str, Any], tmp_path: Path) -> None:
    """By our export, their generation_config.json and our reading; their library takes every key."""
    settings = parse_settings(GenerateSettings, mode | {"no_repeat_ngram": 2})
    config = oracle.GenerationConfig(num_beams=settings.beam, eos_token_id=END, **describe_search(settings, END))
    config.save_pretrained(tmp_path)
    plan = hub.Plan("marian", "MarianMTModel", {}, {})
    files = {"generation_config.json": (tmp_path / "generation_config.json").read_bytes()}
    theirs = hub.Published(plan, ("translate",), {}, copied_files=files)
    again = search_settings(theirs) | close_settings(theirs)
    assert change(build("translate"), again).generate == settings


@pytest.mark.parametrize("beam", [2, 4])
def test_ctranslate2_searches_as_we_do_where_places_are_freed(beam: int, tmp_path: Path) -> None:
    """A network that is unsure of all that it says; docs/export.md tells the rules."""
    network, draw = tiny_networks.build(tiny_networks.tiny("vaswani2017", width=32), 30), random.Random(beam)
    with torch.no_grad():
        network.decoder.output.linear.bias[tiny_networks.END] += 2  # so that answers end
    tokens = [f"{number}" for number in range(30)]
    ct2.write(
        network,
        (tokens[: tiny_networks.SOURCE_VOCABULARY], tokens),
        ct2.Special(tiny_networks.BEGIN, tiny_networks.END, tiny_networks.PAD),
        tmp_path,
    )
    sources = [
        [draw.randrange(tiny_networks.FIRST, tiny_networks.SOURCE_VOCABULARY) for _ in range(draw.randint(1, 9))]
        for _ in range(300)
    ]

    def begin(numbers: Sequence[int], beams: int, capacity: int) -> tuple[Any, ...]:
        rows = [torch.tensor([*sources[number], tiny_networks.END]) for number in numbers]
        lengths = torch.tensor([len(row) for row in rows])
        memory = network.read(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths)
        return (network.decoder.start(memory, rows=len(numbers) * beams, capacity=capacity),)

    def ours(finish: str) -> list[tuple[int, ...]]:
        settings = parse_settings(GenerateSettings, {"beam": beam, "finish": finish})
        stepper = PlainStepper(
            [network.decoder], begin, SpecialIds(tiny_networks.BEGIN, tiny_networks.END, (tiny_networks.PAD,))
        )
        search = Search(stepper, settings, Rules(renormalize=True))
        return [
            hypotheses[0].tokens
            for hypotheses in search.run([Request(number, 1, 24) for number in range(len(sources))])
        ]

    results = Translator(str(tmp_path), compute_type="float32").translate_batch(
        [[tokens[token] for token in source] for source in sources],
        beam_size=beam,
        max_decoding_length=24,
        min_decoding_length=0,
        disable_unk=True,
    )
    theirs = [tuple(int(token) for token in row.hypotheses[0]) for row in results]
    assert ours("full") == theirs
    assert len(set(theirs)) > 20 and sum(mine != other for mine, other in zip(ours("shrink"), theirs, strict=True)) > 50
