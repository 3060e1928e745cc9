"""Fixtures that several test modules share: real components, loaded once."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real benchmark and preference data, beside the repository; tests that need it skip elsewhere."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the benchmark data folder shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def embedded():
    """(model, tokenizer) of the embedded model in float32; tests must leave it as it is."""
    from seapo.model import load_embedded

    return load_embedded()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that two workers end at about the same time."""
    first = ("test_quickstart.py", "test_killed.py", "test_readme.py")
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else len(first))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip",
        metavar="FILE",
        type=Path,
        help="fail where a test is skipped that FILE does not name; lines of FILE: TEST_ID: REASON",
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Count skipped tests as failures where `--fail-on-skip` is given."""
    listed = session.config.getoption("--fail-on-skip")
    if listed is None or hasattr(session.config, "workerinput"):  # a worker's reports go to the one that started it
        return
    lines = listed.read_text(encoding="utf-8").splitlines()
    allowed = {line.split(": ")[0] for line in lines if line.strip() and not line.startswith("#")}
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = {report.nodeid for report in reporter.stats.get("skipped", [])} - allowed
    if skipped:
        reporter.write_line(f"\nskipped, but not allowed to be: {', '.join(sorted(skipped))}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
