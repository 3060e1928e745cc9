"""The command line: `seapo COMMAND`. Each command parses, calls one library function, and prints.

Results go to stdout, progress to stderr. A user's mistake prints as a sentence and exits with 2, a budget that is used
up with 3, a stop by the keyboard with 130. Commands are imported when they are called, so that `--help` answers at
once.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from seapo.errors import SeapoError, StoppedError

COMMANDS = {
    "init": ("seapo.cli.init", "Write a recipe for data of your own."),
    "run": ("seapo.cli.run", "Do the whole journey of a recipe."),
    "experiment": ("seapo.cli.experiment", "Compare ways to train: arms x seeds of a recipe."),
    "status": ("seapo.cli.status", "Tell how far a run is, from another terminal."),
    "source": ("seapo.cli.source", "Read prompts and good answers."),
    "diagnose": ("seapo.cli.stage", "Tell which errors the model makes itself."),
    "inject": ("seapo.cli.stage", "Put one known error into each answer."),
    "verify": ("seapo.cli.verify", "Prove the negatives wrong."),
    "mix": ("seapo.cli.stage", "Choose the negatives to train on."),
    "train": ("seapo.cli.stage", "Train the model to prefer the good answers."),
    "evaluate": ("seapo.cli.evaluate", "Measure a model, or one before and after."),
    "compare": ("seapo.cli.compare", "Tell what differs between models that were asked the same items."),
    "report": ("seapo.cli.stage", "Show it all on one HTML page."),
    "export": ("seapo.cli.export", "Write the pairs for the tool that trains on them."),
    "import": ("seapo.cli.imports", "Take back negatives that a person changed, and labels."),
    "journal": ("seapo.cli.journal", "Count, export or forget what was computed at some cost."),
    "doctor": ("seapo.cli.doctor", "Tell what is installed, what is missing, and how to mend it."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the journey."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and take its `build`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).build(cmd_name, COMMANDS[cmd_name][1])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seapo")
def seapo() -> None:
    """Make language models more truthful by strategic error amplification.

    Puts one known error into good answers, proves it, trains the model to prefer the good answer, and measures what
    came of it.

    \b
    Examples:
      seapo run recipes/quickstart.yaml
      seapo run recipes/ultrafeedback.yaml data.path=my.jsonl name=mine
      seapo doctor
    """


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run the command line; exits with 0, 2 for a user's mistake, 3 at the end of a budget, 130 from the keyboard."""
    try:
        return seapo(arguments, standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        sys.exit(2)
    except StoppedError as problem:
        print(f"seapo: {problem}", file=sys.stderr)
        sys.exit(3)
    except SeapoError as problem:
        print(f"seapo: {problem}", file=sys.stderr)
        sys.exit(2)
    except OSError as problem:  # a full disk, a path that cannot be written
        where = "" if problem.filename is None else f"{problem.filename}: "
        print(f"seapo: {where}{problem.strerror or problem}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        print("seapo: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
