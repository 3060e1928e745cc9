"""What stands for a text engine's model: its name in sentences, and the fingerprint in the journal's keys.

The fingerprint covers the model and the sampling parameters. Where the weights lie on this machine it covers their
bytes; elsewhere the name is all that is known of them.
"""

from pathlib import Path

from seapo.errors import EngineError, ModelError
from seapo.model.embedded import NAME, embedded_gguf
from seapo.model.identity import model_fingerprint
from seapo.recipe import EngineSection, ModelSection
from seapo.records import digest
from seapo.store import file_sha256


def model_name(settings: EngineSection) -> str:
    """The model's name at the server."""
    if settings.model is None:
        return NAME
    path = Path(settings.model)
    if settings.kind == "embedded":
        return path.stem
    return path.resolve().name if settings.kind == "vllm" and path.is_dir() else settings.model


def gguf_file(settings: EngineSection) -> Path:
    """The file that the embedded server loads; raises EngineError where there is none."""
    if settings.model is None:
        try:
            return embedded_gguf()
        except ModelError as problem:
            raise EngineError(str(problem)) from problem
    path = Path(settings.model)
    if not path.is_file():
        raise EngineError(
            f"engine.model {settings.model!r} is no file; kind: embedded serves a GGUF file (left out: {NAME})"
        )
    return path


def engine_fingerprint(settings: EngineSection) -> str:
    """16 hex digits for the model and the sampling parameters; never for address, key, or limits of any kind."""
    return digest(["engine", _model(settings), settings.temperature, settings.top_p])


def _model(settings: EngineSection) -> str:
    if settings.kind == "embedded":
        return file_sha256(gguf_file(settings))
    assert settings.model is not None
    if settings.kind == "vllm" and Path(settings.model).is_dir():
        return model_fingerprint(ModelSection(name=settings.model))
    return settings.model
