"""Stage 8: one HTML page that shows a run, opens from disk, and reaches for nothing outside itself."""

from seapo.report.contents import RunContents, read_run
from seapo.report.page import render

__all__ = ["RunContents", "read_run", "render"]
