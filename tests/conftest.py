"""The one size knob of the tests, their one seed, and how they share a small machine.

HEEDFUL_TEST_SIZE=sample (default) tries a sample of each large population, =all tries everything. HEEDFUL_TEST_SEED
replays a sample: it is drawn anew each time, and printed at the top and at the end of a run.
"""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from support.sampling import SEED, SIZE

# Tests run in as many processes as there are cores, so each of them, and what it starts, is given one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

settings.register_profile("sample", max_examples=30, deadline=None)
settings.register_profile("all", max_examples=300, deadline=None)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept from one search to the next is kept for the tests alone."""
    os.environ["HEEDFUL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """To make an engine takes seconds: tests that ask one say so."""
    os.environ["HEEDFUL_ENGINE"] = "torch"


@pytest.fixture(scope="session", autouse=True)
def unflushed() -> Iterator[None]:
    """What the tests' own process writes need not reach the disk, since no test cuts the power: waiting for that was a
    tenth of their time. Commands in processes of their own wait as ever.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses what is not open all the same
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if SIZE not in ("sample", "all"):
        raise pytest.UsageError(f"HEEDFUL_TEST_SIZE cannot be {SIZE!r}: sample or all.")
    settings.load_profile(SIZE)
    config.option.hypothesis_seed = SEED


def pytest_collection_finish() -> None:
    """What all tests and libraries brought stays to the end: it is not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    return f"heedful: {knobs()}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"Again with the same sample: {knobs()} make test")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing is skipped: what a test needs, `make test` installs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped"):
        reporter.write_line("\nA test was skipped, which counts as failed.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def knobs() -> str:
    return f"HEEDFUL_TEST_SIZE={SIZE} HEEDFUL_TEST_SEED={SEED}"
