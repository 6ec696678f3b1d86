"""Command lines in pages and deployment files, read as qwenq itself reads them."""

import re
import shlex
from collections.abc import Iterator, Sequence

import click

from qwenq.cli.group import group

_FENCED = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`qwenq ([a-z][^`\n]*)`")
_OPERATORS = frozenset({"|", "<", ">", ">>", "&", "&&", "||", ";"})


def read_command(words: Sequence[str]) -> click.Context:
    """Parse the words after `qwenq` without running anything. Raises click.UsageError."""
    context = click.Context(group, info_name="qwenq", **group.context_settings)
    command: click.Command = group
    rest = list(words)
    while isinstance(command, click.Group):
        name, *rest = rest or [""]
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"there is no command {name!r}", context)
        command = found
        if isinstance(command, click.Group):
            context = click.Context(command, parent=context, info_name=name)
    return command.make_context(command.name, rest, parent=context)


def fenced_commands(text: str) -> Iterator[list[str]]:
    """Find the command lines in a page's shell blocks. Gives the words after `qwenq`."""
    for block in _FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _commands_of_line(line.strip().removeprefix("$ "))


def inline_commands(text: str) -> Iterator[list[str]]:
    """Find the commands in a page's text, such as `qwenq db upgrade`. Gives the words after `qwenq`."""
    for words in _INLINE.findall(text):
        yield words.split()


def check_named(words: Sequence[str]) -> None:
    """Check that a command named in the text exists, with its options. Its arguments may be missing.

    Raises click.UsageError.
    """
    context = click.Context(group, info_name="qwenq", **group.context_settings)
    command: click.Command | None = group
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command = command.get_command(context, rest.pop(0))
    if command is None:
        raise click.UsageError(f"there is no command `qwenq {' '.join(words)}`")
    known = {name for one in command.get_params(context) for name in (*one.opts, *one.secondary_opts)}
    named = {word.strip(".,;:") for word in rest if re.match(r"--?[a-z]", word)}
    if named - known:
        raise click.UsageError(f"`qwenq {' '.join(words)}`: no option {', '.join(sorted(named - known))}")


def _commands_of_line(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    for place, word in enumerate(words):
        if word != "qwenq" and not word.endswith("bin/qwenq"):
            continue
        rest = words[place + 1 :]
        end = next((at for at, one in enumerate(rest) if one in _OPERATORS), len(rest))
        # `qwenq` alone is something else, such as the name of a database or a user.
        if end:
            yield rest[:end]
