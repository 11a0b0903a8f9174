"""heedful export --to heedful: a folder that answers as the run does, and holds nothing of its data or its machine."""

import json
import shutil
from pathlib import Path

import pytest

from laws.written_by_0_1_0.record import QUESTIONS, answers, command, digest, workplace

SAMPLES = {
    "classify-texts": "data/texts-valid.tsv",
    "classify-published-vit": "data/labels-valid.csv",
    "translate-attention": "data/pairs-valid.tsv",
    "complete": "data/documents-valid.jsonl",
    "match": "data/captions-valid.csv",
}
"""Files that some of the runs can be scored on."""
KEPT = {
    "checksums.json",
    "config.json",
    "model.safetensors",
    "recipe.toml",
    "README.md",
    "tokenizer.json",
    "source.tokenizer.json",
    "target.tokenizer.json",
    "texts.json",
}
SMALL = 16_000  # bytes of config, recipe, card and tokenizers of these runs


@pytest.mark.parametrize("name", QUESTIONS)
def test_shared_folder_answers_as_its_run_and_holds_nothing_of_its_data(name: str, tmp_path: Path) -> None:
    with workplace(tmp_path, name) as place:
        run, shared = place / "finished", Path("shared")
        recipe = run / "recipe.toml"
        here = tmp_path.as_posix()
        text = recipe.read_text("utf-8").replace('"data/', f'"{here}/data/')
        recipe.write_text(text, "utf-8")
        scores = json.loads((run / "scores.json").read_text("utf-8"))
        scores["facts"]["notes"].append(f"{here}/data: passed over 1 hidden file")
        (run / "scores.json").write_text(json.dumps(scores), "utf-8")
        expected = answers(name, run)
        code, out, errors = command(["export", str(run), "--to", "heedful", "-o", str(shared)])
        assert code == 0, errors
        assert str(shared) in out
        shutil.move(run, tmp_path / "away")
        assert answers(name, shared) == expected

        files = [path for path in shared.rglob("*") if path.is_file()]
        assert {path.name for path in files} <= KEPT and len(files) == len({path.name for path in files})
        weights = tmp_path / "away/model.safetensors"
        assert digest(shared / "model.safetensors") == digest(weights)
        assert sum(path.stat().st_size for path in files) <= 1.1 * weights.stat().st_size + SMALL
        for path in files:
            assert here.encode() not in path.read_bytes(), path

        full = command(["export", str(shared), "--to", "heedful", "-o", "data"])
        assert full[0] == 2 and "The folder data is not empty" in full[2]
        again = command(["export", str(shared), "--to", "heedful", "-o", "again"])
        assert again[0] == 0, again[2]
        assert digest(Path("again/model.safetensors")) == digest(weights)
        if name in SAMPLES:
            code, out, errors = command(["evaluate", str(shared), SAMPLES[name]])
            assert code == 0 and out, errors
            assert "no baseline: it is made of training data, and shared holds none" in errors


def test_texts_of_training_stay_with_the_run(tmp_path: Path) -> None:
    with workplace(tmp_path, "match") as place:
        run = place / "finished"
        assert command(["export", str(run), "--to", "heedful", "-o", "shared"])[0] == 0
        assert command(["match", str(run), "data/pictures/24.png"])[0] == 0
        code, out, errors = command(["match", "shared", "data/pictures/24.png"])
        assert code == 2 and out == "" and "keeps no texts of its own" in errors and "--among" in errors


def test_unscored_run_is_shared_without_measurements(tmp_path: Path) -> None:
    with workplace(tmp_path, "caption") as place:
        code, out, errors = command(["export", str(place / "half"), "--to", "heedful", "-o", "shared"])
        assert code == 0 and "shared" in out, errors
        assert "Scores" not in Path("shared/README.md").read_text("utf-8")
        assert command(["caption", "shared", "data/pictures/24.png"])[0] == 0


def test_published_weights_are_shared_as_they_are(tmp_path: Path) -> None:
    with workplace(tmp_path, "match"):
        code, _, errors = command(["export", "data/vit", "--to", "heedful"])
        assert code == 2 and "data/vit is in the Hugging Face format" in errors
        assert not Path("exports").exists()
