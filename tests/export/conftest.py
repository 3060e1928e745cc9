"""A small run on starter data, made by the real stages with rules alone, so that no model is loaded."""

import shutil

import pytest

from seapo.pipeline import run_stages
from seapo.recipe import default_recipe
from seapo.run import Run

SETTINGS = (
    "name=small", "data.limit=5", "seed=3", "inject.strategies=[rule]", "inject.rank_by=none",
    "inject.candidates_per_type=2", "verify.balance=false",
    "train.per_device_train_batch_size=2", "train.gradient_accumulation_steps=1", "train.num_train_epochs=1",
    "train.max_length=256",
)  # fmt: skip


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    """Folder of a run whose mix has finished; tests must leave it as it is."""
    runs = tmp_path_factory.mktemp("runs")
    run = Run(default_recipe(("data.path=starter", f"runs_dir={runs}", *SETTINGS)), quiet=True)
    run_stages(run, ["source", "inject", "verify", "mix"])
    return run.folder.path


@pytest.fixture
def run_dir(made_run, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(made_run, tmp_path / "runs" / "small")
