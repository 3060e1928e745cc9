"""The pairs of a run as files that other tools train on as they are, each with what the tool needs and a card."""

from seapo.export.folder import MARK, Exported, ExportMark, export_run, negative_name, read_mark
from seapo.export.targets import TARGETS

__all__ = ["MARK", "TARGETS", "ExportMark", "Exported", "export_run", "negative_name", "read_mark"]
