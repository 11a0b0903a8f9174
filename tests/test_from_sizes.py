"""Published networks that see pictures of another size than they were trained on: as their library stretches places."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import asked
from conftest import SEED
from published import oracle
from shapes import written
from test_from import begun, on


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return written(tmp_path_factory.mktemp("files"), SEED)


@torch.inference_mode()
@pytest.mark.parametrize("side", [8, 20, 32])
@pytest.mark.parametrize(("family", "task"), [("vit", "classify"), ("clip", "match")])
def test_other_sizes_are_seen_as_theirs(
    family: str, task: str, side: int, files: dict[str, str], tmp_path: Path
) -> None:
    """Smaller and larger ones: the vectors of all patches, or that of the picture."""
    folder = asked.MADE[family](tmp_path / "theirs")
    model, about = begun(on(files, task, folder, data__picture=side), tmp_path / "run")
    assert any("resized" in line and "line.table.weight" in line for line in about), about
    network: Any = model.trained[0].network.eval()
    pictures = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
    told = json.loads((folder / "preprocessor_config.json").read_text())
    mean, std = (torch.tensor(told[f"image_{key}"]) for key in ("mean", "std"))
    values = ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
    patches = torch.full((3,), (side // asked.PATCH) ** 2 + 1)
    if family == "vit":
        theirs = oracle.ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
        expected = theirs(values, interpolate_pos_encoding=True).last_hidden_state
        found = network.encoder(network.embedding(pictures), patches).vectors
    else:
        theirs = oracle.CLIPModel.from_pretrained(folder).eval()
        expected = theirs.get_image_features(values, interpolate_pos_encoding=True)
        expected = getattr(expected, "pooler_output", expected)
        expected = expected / expected.norm(dim=-1, keepdim=True)
        found = network.embed(0, pictures, patches)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
