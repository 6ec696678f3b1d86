"""The confined process that tries chat templates. It renders as Transformers does, without importing it if it can."""

from collections.abc import Iterable
from typing import Any

from jinja2 import TemplateError

from qwenq.worker.engines.chat_templates import ChatRefusedError, compiled

CHATS = (
    [{"role": "user", "content": "Say hello."}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Once more."},
    ],
)


def serve(request: bytes) -> Iterable[bytes]:
    """Render the conversations with the template in the request. Raises what makes it unfit; a refusal does not."""
    template = request.decode()
    for thinking in (False, True):
        for chat in CHATS:
            given: dict[str, Any] = {"add_generation_prompt": True, "enable_thinking": thinking}
            try:
                compiled(template).render(messages=chat, tools=None, documents=None, **given)
            except MemoryError:
                raise
            except ChatRefusedError:
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
