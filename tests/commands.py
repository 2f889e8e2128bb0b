"""Whether a command line is one of funit's."""

from collections.abc import Sequence
from typing import Any

import typer

from funit.cli import app


def unknown_words(words: Sequence[str]) -> list[str]:
    """The commands and options among the words behind `funit` that there are not."""
    rest = list(words)
    command: Any = typer.main.get_command(app)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    options = {name for parameter in command.params for name in _names(parameter)}
    asked = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--help"}
    if hasattr(command, "commands"):  # a group: what follows must be of its commands
        several = rest[0].split("|") if rest else []  # `data check|pack`
        asked |= set(several) - command.commands.keys()
    return sorted(asked - options)


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """What the command line makes of the words, and runs nothing; raises what is wrong."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    found: dict[str, Any] = command.make_context("funit", rest).params
    return found


def _names(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]
