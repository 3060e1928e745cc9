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
