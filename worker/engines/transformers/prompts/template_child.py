"""The confined process that tries chat templates. It renders as Transformers does, without importing it if it can."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATS = (
    [{"role": "user", "content": "Say hello."}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Once more."},
    ],
)


class _RefusesError(TemplateError):
    """The template refuses a conversation, as it may."""


class _Generation(Extension):
    """Marks what the model says, for training; here it is just text."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's name

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def serve(request: bytes) -> Iterable[bytes]:
    """Render the conversations with the template in the request. Raises what makes it unfit; a refusal does not."""
    template = request.decode()
    for thinking in (False, True):
        for chat in CHATS:
            given: dict[str, Any] = {"add_generation_prompt": True, "enable_thinking": thinking}
            try:
                _environment().from_string(template).render(
                    messages=chat, tools=None, documents=None, **given
                )
            except MemoryError:
                raise
            except _RefusesError:
                continue
            except Exception:  # noqa: BLE001 - whatever it is, Transformers may know better
                _render_as_transformers(template, chat, given)
    return ()


def _render_as_transformers(template: str, chat: list[dict[str, str]], given: dict[str, Any]) -> None:
    """Importing it takes a second or more."""
    from transformers.utils.chat_template_utils import render_jinja_template

    try:
        render_jinja_template(conversations=[chat], chat_template=template, **given)
    except TemplateError:
        return


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = lambda value, **options: json.dumps(value, **{"ensure_ascii": False, **options})
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)  # noqa: DTZ005 - as Transformers does
    return made


def _refuse(message: str) -> None:
    raise _RefusesError(message)
