"""Published weights answer by every verb as the library that they were made with says."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import heedful
from heedful.data.tokenizers.load import load_tokenizer
from heedful.errors import HeedfulError
from support import published
from support.families import oracle
from support.published import LINES, NAMES, classes
from support.sampling import sample
from support.trained_models import first_trained

PROMPTS = ("Hello world, this is", "The café — don't", "1 2 3")
GREEDY = {"generate.sample": False, "generate.beam": 1, "generate.max_length": 12}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of both orientations, as files that lose nothing."""
    folder = tmp_path_factory.mktemp("pictures")
    shapes = ((21, 15), (12, 30), (12, 12))
    return [str(published.picture(folder / f"{number}.png", number, shape)) for number, shape in enumerate(shapes)]


def near(values: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    return bool(torch.allclose(torch.as_tensor(values).float(), torch.as_tensor(expected).float(), atol=tolerance))


# Each verb, against the library's own calls.


@torch.inference_mode()
def test_a_text_goes_on_as_theirs(tmp_path: Path) -> None:
    """Greedily and by beams, token by token; and the log probability of a continuation."""
    model = heedful.load(published.gpt2(tmp_path / "gpt2"))
    reference_model = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "gpt2").eval()
    words = oracle.GPT2Tokenizer.from_pretrained(tmp_path / "gpt2")
    greedy, beams = (model.answer(PROMPTS, GREEDY | {"generate.beam": beam}) for beam in (1, 4))
    for text, *answers in zip(PROMPTS, greedy, beams, strict=True):
        ids = words(text, return_tensors="pt")["input_ids"]
        for [answer], beam in zip(answers, (1, 4), strict=True):
            arguments = {"max_new_tokens": 12, "do_sample": False, "num_beams": beam, "pad_token_id": 50256}
            expected = reference_model.generate(ids, **arguments)[0, ids.size(1) :]
            assert answer.output == words.decode(expected, skip_special_tokens=True)
        all_ids = words(text + " over there", return_tensors="pt")["input_ids"]
        log_probabilities = (
            reference_model(all_ids).logits[0, :-1].log_softmax(-1).gather(1, all_ids[0, 1:, None])[ids.size(1) - 1 :]
        )
        assert near(model.score([(text, " over there")]), log_probabilities.sum(), 1e-3)


BERTS: dict[str, Callable[[Path, str], Path]] = {
    "bert": lambda folder, kind: published.bert(folder, f"Bert{kind}", **classes(NAMES)),
    "distilbert": published.distilbert,
    "roberta": published.roberta,
    "xlm-roberta": published.xlm_roberta,
}


@torch.inference_mode()
@pytest.mark.parametrize("family", BERTS)
def test_gaps_are_filled_as_theirs(family: str, tmp_path: Path) -> None:
    """The likeliest words, marks left out, with their probabilities: two gaps in one text, and a word cut in pieces."""
    model = heedful.load(BERTS[family](tmp_path / "bert", "ForMaskedLM"))
    reference_model = oracle.AutoModelForMaskedLM.from_pretrained(tmp_path / "bert").eval()
    words = oracle.AutoTokenizer.from_pretrained(tmp_path / "bert")
    for text in ("The [MASK] sat, unbelievably, on the [MASK].", "[MASK] is antidisestablishmentarianism?"):
        written = re.sub(r" ?\[MASK\]" if family == "roberta" else r"\[MASK\]", words.mask_token, text)
        inputs = words(written, return_tensors="pt")
        positions = (inputs["input_ids"][0] == words.mask_token_id).nonzero()[:, 0]
        probabilities = reference_model(**inputs).logits[0, positions].softmax(-1)
        probabilities[:, words.all_special_ids] = 0
        best = probabilities.topk(5)
        [answers] = model.answer([text], {"generate.n_best": 5, "generate.whole_words": False})
        for rank, answer in enumerate(answers):
            assert answer.track is not None
            labels = [label.strip("▁ ") for label in answer.track.labels]
            assert labels == [words.decode([token]).strip() for token in best.indices[:, rank]]
            assert near(torch.tensor(answer.track.probabilities)[:, 0], best.values[:, rank])
        first = words.convert_ids_to_tokens(best.indices[:, 0].tolist())
        if family == "bert" and not any(token.startswith("##") for token in first):
            assert answers[0].output == text.replace("[MASK]", "{}").format(*first)
    [[best_answer, *_]] = model.answer(["The [MASK] sat."])
    assert model.answer([f"The {words.mask_token} sat."])[0][0].output == best_answer.output
    assert family == "xlm-roberta" or near(model.score([("The [MASK] sat.", best_answer.output)]), best_answer.score)


@pytest.mark.parametrize("family", BERTS)
def test_a_gap_between_words_gets_whole_words(family: str, tmp_path: Path) -> None:
    """And one behind a part of a word what goes on with it; each with the probability that the network gives it."""
    model = heedful.load(BERTS[family](tmp_path / "bert", "ForMaskedLM"))
    tokenizer = first_trained(model).tokenizer
    for text, whole in (("The [MASK] sat.", True), ("The h[MASK] sat.", False)):
        answers = model.answer([text], {"generate.n_best": 3})[0]
        everything = model.answer(
            [text], {"generate.n_best": min(10_000, tokenizer.size), "generate.whole_words": False}
        )[0]
        entries = {answer.ids: answer for answer in everything}
        assert answers == [entries[answer.ids] for answer in answers] and len(answers) == 3
        for token in (tokenizer.inner.id_to_token(answer.ids[0]) or "" for answer in answers):
            if family in ("bert", "distilbert"):
                assert token.startswith("##") != whole or not token[0].isalnum()
            else:
                assert token.startswith(("Ġ", "▁")) == whole
        assert all(answer.output.startswith("The ") for answer in answers)
        assert [token.strip("▁") for token in model.align(text).target] == list(answers[0].tokens)


@torch.inference_mode()
def test_pictures_are_classified_as_theirs(pictures: list[str], tmp_path: Path) -> None:
    model = heedful.load(published.vit(tmp_path / "vit"))
    reference_model = oracle.AutoModelForImageClassification.from_pretrained(tmp_path / "vit").eval()
    processor = published.ViTImageProcessorPil.from_pretrained(tmp_path / "vit")
    values = processor([Image.open(path) for path in pictures], return_tensors="pt")["pixel_values"]
    expected = reference_model(values).logits.softmax(-1)
    answers = [best[0] for best in model.answer(pictures)]
    assert near([answer.track.probabilities[0] for answer in answers if answer.track], expected)
    assert [answer.output for answer in answers] == [NAMES[number] for number in expected.argmax(1)]


@torch.inference_mode()
@pytest.mark.parametrize("family", BERTS)
def test_texts_are_classified_as_theirs(family: str, tmp_path: Path) -> None:
    model = heedful.load(BERTS[family](tmp_path / "bert", "ForSequenceClassification"))
    reference_model = oracle.AutoModelForSequenceClassification.from_pretrained(tmp_path / "bert").eval()
    words = oracle.AutoTokenizer.from_pretrained(tmp_path / "bert")
    expected = reference_model(**words(list(LINES), padding=True, return_tensors="pt")).logits.softmax(-1)
    tracks = [answers[0].track for answers in model.answer(LINES)]
    assert near([track.probabilities[0] for track in tracks if track], expected)


@torch.inference_mode()
def test_pictures_and_texts_match_as_theirs(pictures: list[str], tmp_path: Path) -> None:
    model = heedful.load(published.clip(tmp_path / "clip"))
    reference_model = oracle.CLIPModel.from_pretrained(tmp_path / "clip").eval()
    processor = published.CLIPImageProcessorPil.from_pretrained(tmp_path / "clip")
    words = oracle.CLIPTokenizer.from_pretrained(tmp_path / "clip")
    texts = ["a photo of a cat", "Two dogs, sleeping!", "an owl"]
    values = processor([Image.open(path).convert("RGB") for path in pictures], return_tensors="pt")
    outputs = reference_model(**values, **words(texts, padding=True, return_tensors="pt"))
    probabilities = outputs.logits_per_image.softmax(-1)
    for row, answers in zip(probabilities, model.among(pictures, texts, {"generate.n_best": 3}), strict=True):
        assert [answer.output for answer in answers] == [texts[number] for number in row.argsort(descending=True)]
        assert near([math.exp(answer.score) for answer in answers], row.sort(descending=True).values)
    cosines = (outputs.image_embeds @ outputs.text_embeds.T).diagonal()
    assert near(model.score(list(zip(pictures, texts, strict=True))), cosines)


@torch.inference_mode()
def test_texts_are_translated_as_theirs(tmp_path: Path) -> None:
    """Greedily and by beams, unfinished answers too; a language may be asked for."""
    model = heedful.load(published.marian(tmp_path / "marian"))
    reference_model = oracle.MarianMTModel.from_pretrained(tmp_path / "marian").eval()
    words = oracle.MarianTokenizer.from_pretrained(tmp_path / "marian")
    texts = [*LINES, ">>de<< The old house"]
    inputs = words(texts, padding=True, return_tensors="pt")
    for beam in (1, 4):
        ids = reference_model.generate(**inputs, do_sample=False, num_beams=beam)
        answers = [best[0] for best in model.answer(texts, {"generate.beam": beam})]
        assert [answer.output for answer in answers] == words.batch_decode(ids, skip_special_tokens=True)
        assert {answer.complete for answer in answers} == {True, False}


@torch.inference_mode()
def test_pictures_are_told_as_theirs(pictures: list[str], tmp_path: Path) -> None:
    model = heedful.load(published.captioner(tmp_path / "captioner"))
    reference_model = oracle.VisionEncoderDecoderModel.from_pretrained(tmp_path / "captioner").eval()
    processor = published.ViTImageProcessorPil.from_pretrained(tmp_path / "captioner")
    words = oracle.GPT2Tokenizer.from_pretrained(tmp_path / "captioner")
    values = processor([Image.open(path) for path in pictures], return_tensors="pt")["pixel_values"]
    for beam in (1, 4):
        ids = reference_model.generate(values, do_sample=False, max_length=12, num_beams=beam)
        expected = words.batch_decode(ids, skip_special_tokens=True)
        assert [best[0].output for best in model.answer(pictures, {"generate.beam": beam})] == expected


@torch.inference_mode()
@pytest.mark.parametrize("family", BERTS)
def test_words_are_labelled_as_theirs(family: str, tmp_path: Path) -> None:
    """By their first pieces, texts of unlike lengths beside each other."""
    model = heedful.load(BERTS[family](tmp_path / "bert", "ForTokenClassification"))
    reference_model = oracle.AutoModelForTokenClassification.from_pretrained(tmp_path / "bert").eval()
    words = oracle.AutoTokenizer.from_pretrained(tmp_path / "bert")
    texts = ["Unbelievably, antidisestablishmentarianism!", "one", *LINES[:3]]
    texts = texts[family == "xlm-roberta" :]  # whose few pieces make a word too long
    cut = ["\t".join(text.split()) for text in texts]
    for text, [answer] in zip(texts, model.answer(cut), strict=True):
        inputs = words(text, return_tensors="pt")
        probabilities = reference_model(**inputs).logits[0].softmax(-1)
        starts = [match.start() for match in re.finditer(r"\S+", text)]
        first = [inputs.char_to_token(start) for start in starts]
        assert answer.track is not None and near(answer.track.probabilities, probabilities[first])
        assert answer.output.split("\t") == [NAMES[number] for number in probabilities[first].argmax(-1)]
    [[asked]], [[apart]] = model.answer(["Mr. (Bean)."]), model.answer(["Mr. ( Bean ) ."])
    assert asked.track and asked.track.words == ("Mr.", "(", "Bean", ")", ".") and asked.track == apart.track


# Kept, scored, refused.


def questions(model: heedful.Model, pictures: list[str]) -> Any:
    """What a model of any task says to a few questions."""
    match model.task:
        case "match":
            return model.among(pictures, ["a cat", "a dog"])
        case "complete":
            return model.answer(PROMPTS, GREEDY)
        case "fill":
            return model.answer(["The [MASK] sat."])
        case "classify" if not first_trained(model).preprocessor.positions:
            return model.answer(LINES)
        case "classify" | "caption":
            return model.answer(pictures)
        case _:
            return model.answer(LINES, GREEDY if model.task == "translate" else None)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    **published.MODELS,
    "texts": lambda folder: published.bert(folder, "BertForSequenceClassification", **classes(NAMES)),
    "words": lambda folder: published.bert(folder, "BertForTokenClassification", **classes(NAMES)),
    "distilbert": lambda folder: published.distilbert(folder, "ForSequenceClassification"),
    "roberta": published.roberta,
    "xlm-roberta": lambda folder: published.xlm_roberta(folder, "ForTokenClassification"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_saved_answers_the_same(family: str, pictures: list[str], tmp_path: Path) -> None:
    """A published model is saved as any other is; and what was loaded again, saved again, is the same bytes."""
    model = heedful.load(FAMILIES[family](tmp_path / "published"))
    model.save(tmp_path / "one")
    again = heedful.load(tmp_path / "one")
    assert questions(again, pictures) == questions(model, pictures)
    again.save(tmp_path / "two")
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {path.name for path in (tmp_path / "two").iterdir()}
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


@torch.inference_mode()
def test_perplexity_is_theirs(tmp_path: Path) -> None:
    """A document stands between two ends, as it did in GPT-2's training."""
    model = heedful.load(published.gpt2(tmp_path / "gpt2"))
    (tmp_path / "text.txt").write_text("Hello world, this is a text of two\nlines.")
    scores = model.evaluate(str(tmp_path / "text.txt"))
    reference_model = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "gpt2").eval()
    words = oracle.GPT2Tokenizer.from_pretrained(tmp_path / "gpt2")
    ids: Tensor = torch.tensor([[50256, *words((tmp_path / "text.txt").read_text())["input_ids"], 50256]])
    loss = torch.nn.functional.cross_entropy(reference_model(ids).logits[0, :-1], ids[0, 1:])
    assert scores.measures["perplexity"].value == pytest.approx(float(loss.exp()), rel=1e-4)
    assert scores.baseline_name == ""


TEXTS = {
    "bert": ("text.txt", "The old house stands near the river.\n" * 3, "accuracy"),
    "marian": ("pairs.tsv", "".join(f"{LINES[n]}\t{LINES[n + 1]}\n" for n in (0, 2, 4)), "chrf"),
    "texts": (
        "pairs.tsv",
        "".join(f"{line}\t{NAMES[n % 3]}\n" for n, line in enumerate(LINES)),
        "accuracy",
    ),
    "words": ("words.conll", "The\tcat\nold\tdog\nhouse\towl\n\nA\tcat\nman\tdog\n", "accuracy"),
}


@pytest.mark.parametrize("family", TEXTS)
def test_texts_are_scored(family: str, tmp_path: Path) -> None:
    name, text, measure = TEXTS[family]
    (tmp_path / name).write_text(text, encoding="utf-8")
    scores = heedful.load(FAMILIES[family](tmp_path / "published")).evaluate(str(tmp_path / name))
    assert measure in scores.measures, scores.measures.keys()


@pytest.mark.parametrize("family", ["vit", "clip", "captioner"])
def test_pictures_are_scored(family: str, pictures: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{path},{name}\n" for path, name in zip(pictures, NAMES, strict=True))
    (tmp_path / "rows.csv").write_text(f"file_name,text\n{rows}")
    scores = heedful.load(FAMILIES[family](tmp_path / "published")).evaluate(str(tmp_path / "rows.csv"))
    assert len(scores.cases) == 3


def test_marks_stay_beside_their_vocabulary(tmp_path: Path) -> None:
    """Such a text in a text is text, and what marks a place is no word."""
    words = first_trained(heedful.load(published.bert(tmp_path / "bert"))).tokenizer
    words.save(tmp_path / "source.tokenizer.json")
    again = load_tokenizer(tmp_path / "source.tokenizer.json")
    assert (
        again.special_tokens == words.special_tokens
        and again.dump() == words.dump()
        and again.size == words.size == 30522
    )
    assert (
        words.special_tokens.begin,
        words.special_tokens.end,
        words.special_tokens.mask,
        words.special_tokens.unknown,
    ) == (101, 102, 103, 100)
    for text in ("a [SEP] b", "unbelievably"):
        assert 102 not in words.encode(text) and again.encode(text) == words.encode(text)
    assert words.decode([101, *words.encode("the cat"), 102, 0]) == "the cat"


def bare(folder: Path) -> Path:
    """Without its vocabulary."""
    published.gpt2(folder)
    (folder / "vocab.json").unlink()
    return folder


def seeing(folder: Path) -> Path:
    """Without any layer on top."""
    published.save(oracle.ViTModel(published.vit_config()), folder)
    published.vit_pictures(folder)
    return folder


REFUSALS: dict[str, tuple[Callable[[Path], Path], Callable[[heedful.Model], Any], list[str]]] = {
    "vectors": (seeing, print, ["ViTModel", "outputs vectors"]),
    "no tokenizer": (bare, print, ["has no tokenizer"]),
    "no texts": (published.clip, lambda model: model.predict(["a.png"]), ["no texts", "--among"]),
    "another verb": (published.gpt2, lambda model: model.among(["a.png"], ["a"]), ["complete"]),
    "no data": (published.gpt2, lambda model: model.evaluate(), ["holds no data", "Name a file"]),
}


@pytest.mark.parametrize("mistake", sample(REFUSALS, 4))
def test_mistakes_are_told(mistake: str, tmp_path: Path) -> None:
    make, ask, expected = REFUSALS[mistake]
    folder = make(tmp_path / "folder")
    with pytest.raises(HeedfulError) as error:
        ask(heedful.load(folder))
    assert all(word in str(error.value) for word in expected), str(error.value)


@pytest.mark.parametrize("family", ["roberta", "xlm_roberta"])
def test_whole_texts_have_the_blanks_that_were_written(family: str, tmp_path: Path) -> None:
    """Pieces that bring the blank before them bring none to the beginning of a text, nor a second one."""
    model = heedful.load(getattr(published, family)(tmp_path / family))
    for before, after in (
        ("", " sat on the mat."),
        ("the ", " sat"),
        ("The  two   ", ", and more."),
        ("a man", " here"),
    ):
        for answer in model.answer([f"{before}[MASK]{after}"], {"generate.n_best": 3})[0]:
            assert answer.output == before + answer.tokens[0] + after
