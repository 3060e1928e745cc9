"""`seapo doctor`: what is installed, what is missing, and how to mend it."""

import json
from dataclasses import asdict

import click

from seapo.cli.recipes import JSON


def build(name: str, summary: str) -> click.Command:
    """The command."""
    del name
    doctor_command.short_help = summary
    return doctor_command


@click.command("doctor")
@JSON
def doctor_command(as_json: bool) -> None:
    """Tell what is installed, what is missing, and how to mend it.

    Exits with 1 where something that every run needs is missing.

    \b
    Examples:
      seapo doctor
      seapo doctor --json
    """
    from seapo.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok     " if finding.is_there else "MISSING" if finding.is_required else "absent "
            click.echo(f"{mark} {finding.name:22} {finding.detail}")
            if not finding.is_there and finding.mend:
                click.echo(f"{'':8}{'':23}mend: {finding.mend}")
    if any(finding.is_required and not finding.is_there for finding in findings):
        raise SystemExit(1)
