"""Stage 8: a run as one HTML page, as Markdown, and as JSON; each opens from disk and reaches for nothing outside."""

from seapo.report.contents import RunContents, read_run
from seapo.report.markdown import render_markdown
from seapo.report.page import render
from seapo.report.results import Results, results_of
from seapo.report.written import write_report

__all__ = ["Results", "RunContents", "read_run", "render", "render_markdown", "results_of", "write_report"]
