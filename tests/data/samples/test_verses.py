"""The verses of two Bibles, as the packages hold them."""

import subprocess
import sys
from collections import Counter

import pytest

from heedful.data.samples.verses import APOSTROPHES, SHARES, read
from heedful.errors import HeedfulError

# A package that cannot be imported, in a process of its own.
WITHOUT_PACKAGE = """
import sys
sys.modules[sys.argv[1]] = None
from heedful.data.samples.verses import read
try:
    next(read("sample://verses/valid"))
except Exception as error:
    print(error)
"""


def test_no_text_and_no_verse_stands_on_two_sides():
    sides = {split: list(read(f"sample://verses/{split}")) for split in SHARES}
    rows = [row.columns for side in sides.values() for row in side]
    verses = [{row.columns["group"] for row in side} for side in sides.values()]
    assert len(set().union(*verses)) == sum(map(len, verses)) > 30_000
    assert len({row["source"] for row in rows}) == len(rows) == 2 * 31_102 - 2 * 95 - 260 - 238
    assert [len(side) / len(rows) for side in sides.values()] == pytest.approx(list(SHARES.values()), abs=0.002)
    for side in sides.values():
        counts = Counter(row.columns["target"] for row in side)
        assert counts["KJV"] == pytest.approx(counts["YLT"], rel=0.01)
    for row in rows:
        assert row["source"] == " ".join(row["source"].split()).translate(APOSTROPHES)


def test_verses_are_what_pythonbible_says():
    import pythonbible

    versions = {"KJV": pythonbible.Version.KING_JAMES, "YLT": pythonbible.Version.YOUNGS}
    for row in [*read("sample://verses/valid")][::100]:
        text = pythonbible.get_verse_text(int(row.columns["group"]), versions[row.columns["target"]])
        assert row.columns["source"].split() == text.replace("’", "'").replace("`", "'").split()


def test_another_split_is_said():
    with pytest.raises(HeedfulError, match='Did you mean "test"'):
        next(read("sample://verses/tests"))


@pytest.mark.parametrize("module", ["pythonbible", "pythonbible_ylt.plain_text_readers_bible"])
def test_a_missing_package_is_said(module):
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE, module], capture_output=True, text=True, check=True
    )
    package = module.partition(".")[0].replace("_", "-")
    assert f"needs the package {package}.\n  pip install" in process.stdout
