"""What was written is known by its size and its content, and what is not that is named."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from heedful.data.checksums import CHECKSUMS, checksums_of, find_damage, hash_file, read_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with their checksums, the smaller and later one in a folder further down."""
    (tmp_path / "train").mkdir()
    for name, size in (("large.bin", 10**6), ("train/small.bin", 1)):
        (tmp_path / name).write_bytes(b"a" * size)
    checksums = checksums_of(tmp_path, [path for path in tmp_path.rglob("*") if path.is_file()])
    (tmp_path / CHECKSUMS).write_text(json.dumps(checksums), "utf-8")
    assert checksums["train/small.bin"]["sha256"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    return tmp_path


def test_what_is_as_it_was_written_is_silent(folder: Path) -> None:
    assert find_damage(folder) == ""
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    assert find_damage(folder) == ""
    (folder / "more").write_text("x")
    assert find_damage(folder) == "" and find_damage(folder / "train") == find_damage(folder / "none") == ""


def test_damage_is_named_sizes_before_contents(folder: Path) -> None:
    small, large = folder / "train/small.bin", folder / "large.bin"
    status = large.stat()
    large.write_bytes(b"b" + b"a" * (10**6 - 1))
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
    expected = f"{large} is not what was written: its sha256 is {hash_file(large)[:12]}…, not "
    assert find_damage(folder).startswith(expected)
    small.write_bytes(b"")
    assert find_damage(folder) == f"{small} has 0 bytes, and 1 were written"
    small.unlink()
    assert find_damage(folder) == f"{small} is missing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\x00",
        "[" * 10**5,
        " " * 2**26,
        '{"large.bin": {"bytes": true, "sha256": "a"}}',
        '{"large.bin": "a"}',
        '{"large.bin": {"bytes": 1000000}}',
        '{"../large.bin": {"bytes": 0, "sha256": ""}}',
        '{"/dev/zero": {"bytes": 0, "sha256": ""}}',
    ],
)
def test_hostile_checksums_are_damage_and_nothing_else_is_read(text: str, folder: Path) -> None:
    (folder / CHECKSUMS).write_text(text, "utf-8")
    assert read_checksums(folder) == {} and find_damage(folder) == f"{folder / CHECKSUMS} is not as it was written"


def test_a_link_to_a_device_is_not_read(folder: Path) -> None:
    checksums: dict[str, Any] = read_checksums(folder) | {"zero": {"bytes": 0, "sha256": ""}}
    (folder / "zero").symlink_to("/dev/zero")
    (folder / CHECKSUMS).write_text(json.dumps(checksums), "utf-8")
    assert find_damage(folder) == f"{folder / 'zero'} is missing"
