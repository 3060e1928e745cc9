"""A recipe: one typed object that describes a run.

    name: uf60
    data:  {path: train.jsonl.gz, limit: 60}
    train: {method: dpo, learning_rate: 2.0e-4}

Every key has a default, so a recipe names only what differs. Defaults of `train` are the published setting
(arXiv:2509.24781): KTO, beta 0.1, LoRA rank 8 and alpha 16 on all linear layers, 5e-6 cosine, 3 epochs, 2 x 8 samples a
step.
"""

from seapo.recipe.experiment import ExperimentSection
from seapo.recipe.mixing import MixSection
from seapo.recipe.section import Section
from seapo.recipe.sections import (
    DataSection,
    DecontaminateSection,
    DiagnoseSection,
    EngineSection,
    ErrorTypeSection,
    EvaluateSection,
    InjectSection,
    ModelSection,
    ReportSection,
    VerifySection,
)
from seapo.recipe.training import Method, TrainSection
from seapo.recipe.whole import Recipe, default_recipe, dump_recipe, load_recipe, parse_recipe

__all__ = [
    "DataSection",
    "DecontaminateSection",
    "DiagnoseSection",
    "EngineSection",
    "ErrorTypeSection",
    "EvaluateSection",
    "ExperimentSection",
    "InjectSection",
    "Method",
    "MixSection",
    "ModelSection",
    "Recipe",
    "ReportSection",
    "Section",
    "TrainSection",
    "VerifySection",
    "default_recipe",
    "dump_recipe",
    "load_recipe",
    "parse_recipe",
]
