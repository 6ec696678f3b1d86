"""A compiled template: what it may be, the names that it uses, and its text for one document."""

import re
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from jinja2 import Template, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.budget import FULL, SMALL, Allowance, OverBudget, budget, with_budget
from qwenq.schemas.prompts.plain import is_plain
from qwenq.schemas.prompts.sandbox import Bounds, PromptEnvironment
from qwenq.schemas.prompts.used_columns import constants, used_columns

MOST_CHARS = 256 * 1024
"""The most characters of a template."""
MOST_TOKENS = 10_000
"""The most words and signs inside a template's braces: an ordinary one has less than a hundred."""
REASON_CHARS = 300
_UNDEFINED_NAME = re.compile(r"'(\w+)' is undefined|.* has no (?:attribute|element) '?(.+?)'?")
_OTHER_TEMPLATES = "include, import and extends are not supported: a prompt is one template"
_AUTOESCAPE = "autoescape is not supported: a prompt is plain text"
_NULL = re.compile(
    r"object of type 'NoneType'|'NoneType'(?: object)?|(?<!\w)'?None'?(?= has no attribute)|NoneType"
)
_TWO_WORDS = "expected token 'end of print statement', got"
_FEW = 16
_MOST_VALUES = 1_000_000
"""Only so many are looked at: a prompt cannot show more of them."""
_TEXT, _NO_TEXT = {str}, {int, float, bool, type(None)}
_OUTSIDE = frozenset({"data", "whitespace", "comment", "raw_begin", "raw_end"})


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a document cannot be rendered.

    `missing` is the undefined name, if that is why. `seconds` is how long it took to reach a limit, if that is why.
    """

    reason: str
    missing: str | None = None
    seconds: float = 0.0
    is_killed: bool = False


class CompiledTemplate:
    """A Jinja2 template, compiled once to be rendered many times. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        if len(source) > MOST_CHARS:
            reason = f"it has more than {MOST_CHARS:,} characters; put long texts into columns"
            raise InvalidTemplate(line=1, reason=reason)
        environment = PromptEnvironment()
        try:
            _refuse_many_tokens(environment, source)
            tree = environment.parse(source)
            _refuse_statements(tree)
            self.names = _names(environment, tree)
            """All names that the template uses, functions included."""
            self.used = used_columns(tree)
            """The columns that the template reads, and those that it asks whether they are empty."""
            self.constants = constants(tree)
            """The names that the template sets to values of its own, which win over columns."""
            self.is_plain = is_plain(tree)
            """Whether it may be rendered where others wait for the interpreter's lock."""
            self._template = _in_python(environment, tree)
        except InvalidTemplate:
            raise
        except TemplateSyntaxError as error:
            raise InvalidTemplate(line=error.lineno, reason=_reason(error)) from None
        except RecursionError:
            raise InvalidTemplate(line=1, reason="it is nested too deeply") from None
        except SyntaxError as error:  # from Python, which counts its own lines
            raise InvalidTemplate(line=1, reason=error.msg) from None
        except Exception as error:  # noqa: BLE001 - Python may refuse what Jinja2 accepts, in many ways
            raise InvalidTemplate(line=1, reason=_reason(error)) from None

    def render(self, columns: Mapping[str, Any], allowance: Allowance = FULL) -> str | Failed:
        """Render the text for one document's columns. `allowance` is that of a short document."""
        began = time.monotonic()
        try:
            return self._rendered(columns, allowance)
        except OverBudget as error:
            return Failed(_reason(error), seconds=time.monotonic() - began)

    def render_quickly(self, columns: Mapping[str, Any]) -> str | Failed | None:
        """Render it within a small budget. None: that is not enough."""
        try:
            return self._rendered(columns, SMALL)
        except OverBudget:
            return None

    def _rendered(self, columns: Mapping[str, Any], allowance: Allowance) -> str | Failed:
        try:
            return with_budget(allowance.for_document(text_chars(columns)), lambda: self._joined(columns))
        except OverBudget:
            raise
        except UndefinedError as error:
            found = _UNDEFINED_NAME.fullmatch(error.message or "")
            missing = found.group(1) or found.group(2) if found else error.message
            return Failed(_reason(error), missing)
        except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
            return Failed(_reason(error))

    def _joined(self, columns: Mapping[str, Any]) -> str:
        # Last, so that a column called `row` is `row.row`, and `row[…]` reaches all columns.
        return "".join(_up_to_the_limit(self._template.generate({**columns, "row": columns})))


@lru_cache(maxsize=16)
def compiled(source: str) -> CompiledTemplate:
    """Compile a template, or find it among those compiled lately. Raises InvalidTemplate."""
    return CompiledTemplate(source)


def _refuse_many_tokens(environment: PromptEnvironment, source: str) -> None:
    inside = (token for _, token, _ in environment.lex(source) if token not in _OUTSIDE)
    if next(islice(inside, MOST_TOKENS, None), None) is not None:
        reason = (
            f"it has more than {MOST_TOKENS:,} words and signs inside braces; put long lists into columns"
        )
        raise InvalidTemplate(line=1, reason=reason)


def _refuse_statements(tree: nodes.Template) -> None:
    if next(meta.find_referenced_templates(tree), "") != "":
        raise InvalidTemplate(line=1, reason=_OTHER_TEMPLATES)
    # Its value would be computed while the template compiles.
    if (escaping := tree.find(nodes.EvalContextModifier)) is not None:
        raise InvalidTemplate(line=escaping.lineno, reason=_AUTOESCAPE)


def _names(environment: PromptEnvironment, tree: nodes.Template) -> frozenset[str]:
    """What `meta.find_undeclared_variables` gives, without computing constants."""
    generator = meta.TrackingCodeGenerator(environment)
    generator.optimizer = None
    generator.visit(tree)
    return frozenset(generator.undeclared_identifiers)


def _in_python(environment: PromptEnvironment, tree: nodes.Template) -> Template:
    """Compile it; what Python would warn of, such as `1[0:1]`, is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", SyntaxWarning)
        return environment.from_string(Bounds().visit(tree))


def text_chars(columns: Mapping[str, Any]) -> int:
    """The characters of all texts in these columns, also in lists and objects, until there are too many values."""
    chars = looked = 0
    waiting: list[Collection[Any]] = [columns.values()]
    while waiting:
        items = waiting.pop()
        looked += len(items)
        if looked > _MOST_VALUES:
            break
        # Long lists mostly hold values of one type, which are counted all at once.
        kinds = set(map(type, items)) if len(items) > _FEW else None
        if kinds == _TEXT:
            chars += sum(map(len, items))
            continue
        for value in items if kinds is None or not kinds <= _NO_TEXT else ():
            if isinstance(value, str):
                chars += len(value)
            elif isinstance(value, dict):
                if value:
                    waiting.append(value.values())
            elif isinstance(value, list) and value:
                waiting.append(value)
    return chars


def _up_to_the_limit(pieces: Iterator[str]) -> Iterator[str]:
    chars, most = 0, budget().longest
    for piece in pieces:
        chars += len(piece)
        if chars > most:
            raise SecurityError(f"it grows above {most} characters")
        yield piece


def _reason(error: Exception) -> str:
    """What a library says is wrong, shortened, as text that every store accepts."""
    # A syntax error's own text also names a file that is none.
    text = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    reason = (text or type(error).__name__).replace("\0", "\\x00")
    if _NULL.search(reason):
        reason = f"{_NULL.sub('null', reason)}; write `| default(…)` behind a value that may be null"
    if _TWO_WORDS in reason:
        reason += '; a column whose name is not one word is row["…"]'
    return reason[:REASON_CHARS].encode("utf-8", "backslashreplace").decode().rstrip(".")
