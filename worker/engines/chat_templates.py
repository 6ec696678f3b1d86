"""Chat templates of models, rendered as Transformers does, without importing it.

A template is a program of the checkpoint: `serve` renders one in a confined process, where it can be killed.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

import orjson
from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class ChatRefusedError(TemplateError):
    """The template refuses a conversation, as it may."""


class _Generation(Extension):
    """Marks what the model says, for training; here it is just text."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's name

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def serve(request: bytes) -> Iterator[bytes]:
    """Render the template in a request, `[template, variables]` in JSON. Raises what the template raises."""
    template, variables = orjson.loads(request)
    yield compiled(template).render(**variables).encode()


@lru_cache(maxsize=4)
def compiled(template: str) -> Template:
    """Compile a chat template. Raises MemoryError if its constants, which Jinja2 computes, do not fit in memory."""
    environment = chat_environment()
    for node in environment.parse(template).find_all(nodes.Expr):
        _refuse_huge(node)
    return environment.from_string(template)


def _refuse_huge(node: nodes.Expr) -> None:
    """Raise MemoryError if computing a constant does: Jinja2 would go on without a word."""
    try:
        node.as_const()
    except nodes.Impossible as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                raise MemoryError from None  # noqa: TRY004 - no check of a type
            cause = cause.__cause__
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110 - rendering raises it again
        pass


def chat_environment() -> ImmutableSandboxedEnvironment:
    """Jinja2 as Transformers sets it up for chat templates."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = lambda value, **options: json.dumps(value, **{"ensure_ascii": False, **options})
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)  # noqa: DTZ005 - as Transformers does
    return made


def _refuse(message: str) -> None:
    raise ChatRefusedError(message)
