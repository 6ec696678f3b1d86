"""The budget of one rendering of a template: steps, characters, work, and time.

Every operation that a template may call is charged here before it runs, in units of work: about two nanoseconds each
on an ordinary core. So no single operation can take long, and steps, work and time limit their number.
"""

import math
import time
from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import BuiltinMethodType, MethodType
from typing import Any, TypeVar

from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Undefined
from jinja2.utils import Namespace
from markupsafe import Markup

OUTPUT_CHARS = 4 * 1024 * 1024
"""The most characters that a prompt, or any value on the way, has above its document; an item of a list counts as 8."""
BUILT_CHARS = 32 * OUTPUT_CHARS
"""The most characters of all values that one rendering builds."""
LOOP_STEPS = 1_000_000
"""The most steps of all loops, calls and filters in one rendering."""
WORK = 100_000_000
"""The most units of work of one rendering."""
SECONDS = 0.3
"""The most processor time of one rendering. Ordinary prompts take less than 1 ms, those of 1 MB up to 100 ms."""
NUMBER_BITS = 10_000
SHOWN_NUMBER = 10**30
ITEM_CHARS = 8
ITEM_WORK = 100
_DICT_ITEMS = 5  # a dict takes longer to open than a list
"""The work of looking at one item of a list or dict."""
_FLOAT_WORK = 1_000
_SHOWN_CHAR_WORK = 5
_LOOK_STEPS = 64
_LOOK_WORK = 500_000
_CONTAINERS = (list, tuple, set, frozenset, KeysView, ValuesView, ItemsView)
_SHOWN = (str, bytes, int, float, complex, range, Undefined, Mapping, *_CONTAINERS)
"""What has a text of its own, and what raises a message of its own."""
_NO_ITERATORS = frozenset({str, int, float, bool, type(None), list, tuple, dict})
_SMALL_NUMBER = 2**63
_ORDINARY_CHARS = 256 * 1024
_CHAR_WORK = 35
"""More work for each character of a long document: enough to change its case once."""
_TWICE_THE_TIME = 8 * 1024 * 1024
_MANY = 8
"""From so many items on, texts are counted all at once."""
_TOO_MUCH = "it takes too much work: its texts, lists or their arguments are too long"


class OverBudget(SecurityError):
    """The rendering has used up its budget; with a larger one it might end."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one rendering may use: `seconds` of processor time, and `wall_seconds` by the clock."""

    steps: int
    chars: int
    work: int
    seconds: float
    wall_seconds: float = math.inf
    longest: int = OUTPUT_CHARS

    def for_document(self, chars: int) -> "Allowance":
        """What the rendering of a document of so many characters may use: long texts need more of all but steps."""
        if chars <= _ORDINARY_CHARS:
            return self
        return replace(
            self,
            chars=self.chars + 4 * chars,
            work=self.work + self.work * chars * _CHAR_WORK // WORK,
            seconds=self.seconds * (1 + chars / _TWICE_THE_TIME),
            longest=self.longest + chars,
        )


FULL = Allowance(LOOP_STEPS, BUILT_CHARS, WORK, SECONDS)
SMALL = Allowance(LOOP_STEPS // 10, BUILT_CHARS, WORK // 10, 0.05, 0.75)
"""For a rendering that must not hold the interpreter's lock for long, also on a tenth of a core."""
UNCONFINED = replace(FULL, wall_seconds=1.0)
"""For a rendering that nobody can kill."""


@dataclass(frozen=True, slots=True)
class Size:
    """A value with everything in it, counted as often as it would be shown: `work` is that of turning it into text."""

    chars: int
    items: int
    work: int
    odd: type | None = None
    """The type of a value inside that has no text of its own: a method, a function, an object of Jinja."""


class Budget:
    """What one rendering may still use. Every method raises OverBudget, or SecurityError for a value too large."""

    __slots__ = (
        "_allowance",
        "_chars",
        "_looked_steps",
        "_looked_work",
        "_steps",
        "_until",
        "_until_wall",
        "_work",
        "longest",
    )

    def __init__(self, allowance: Allowance = FULL) -> None:
        self._allowance = allowance
        self._steps = self._looked_steps = allowance.steps
        self._chars = allowance.chars
        self.longest = allowance.longest
        """The most characters of one value."""
        self._work = self._looked_work = allowance.work
        # Set at the first look: most renderings end before it, and asking for processor time takes long.
        self._until = self._until_wall = math.inf

    def step(self, steps: int = 1) -> None:
        """Spend one step, or several."""
        self._steps -= steps
        if self._steps < 0:
            raise OverBudget(f"it takes more than {self._allowance.steps} steps")
        if self._looked_steps - self._steps >= _LOOK_STEPS:
            self._look_at_the_time()

    def charge(self, work: int) -> None:
        """Spend the work of an operation that is about to run."""
        self._work -= work
        if self._work < 0:
            raise OverBudget(_TOO_MUCH)
        if self._looked_work - self._work >= _LOOK_WORK:
            self._look_at_the_time()

    def hold(self, value: Any) -> Any:
        """Spend the size of a value that was built. Returns the value."""
        if isinstance(value, (str, bytes)):
            self._build(len(value))
        else:
            self._build(self.measured(value).chars)
        return value

    def shown(self, value: Any) -> str:
        """The value as text: `str(value)`, measured first; null is the empty text."""
        if value is None:
            return ""
        if isinstance(value, str):
            self._build(len(value))
            return value
        size = self.printable(value)
        self.charge(size.work)
        self._build(size.chars)
        return str(value)

    def measured(self, value: Any) -> Size:
        """Measure a value, and spend the work of that."""
        size = size_of(value, self.longest, max(self._work, 0) // ITEM_WORK)
        self.charge(ITEM_WORK * size.items)
        return size

    def printable(self, value: Any) -> Size:
        """Measure a value that becomes text. Raises SecurityError for one whose text would be an address."""
        size = self.measured(value)
        if size.odd is not None:
            raise SecurityError(_not_text(size.odd))
        return size

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """The same values; each spends a step."""
        for value in values:
            self.step()
            yield value

    def listed(self, value: Any) -> Any:
        """Turn an iterator into a list, which can be measured. Anything else stays as it is, and so does a loop."""
        if type(value) in _NO_ITERATORS:
            return value
        if isinstance(value, Iterator) and not isinstance(value, LoopContext):
            return self.hold(list(self.counted(value)))
        return value

    def _build(self, chars: int) -> None:
        if chars > self.longest:
            refuse_large((chars,))
        self._chars -= chars
        if self._chars < 0:
            raise OverBudget(f"it builds more than {self._allowance.chars} characters on the way")

    def _look_at_the_time(self) -> None:
        self._looked_steps, self._looked_work = self._steps, self._work
        if self._until == math.inf:
            self._until = time.thread_time() + self._allowance.seconds
            self._until_wall = time.monotonic() + self._allowance.wall_seconds
        elif time.thread_time() > self._until:
            raise OverBudget(f"it takes more than {self._allowance.seconds:g} seconds of processor time")
        elif time.monotonic() > self._until_wall:
            raise OverBudget(
                f"it takes more than {self._allowance.wall_seconds:g} seconds on this busy machine"
            )


_T = TypeVar("_T")
_budget: ContextVar[Budget | None] = ContextVar("rendering_budget", default=None)


def budget() -> Budget:
    """The current rendering's budget; a new one outside of a rendering."""
    return _budget.get() or Budget()


def with_budget(allowance: Allowance, work: Callable[[], _T]) -> _T:
    """Do some work within a budget of its own."""
    token = _budget.set(Budget(allowance))
    try:
        return work()
    finally:
        _budget.reset(token)


def size_of(value: Any, longest: int, most_items: int) -> Size:
    """Measure a value with everything in it.

    Raises SecurityError for more characters than `longest`, and OverBudget for more items than `most_items`.
    """
    chars = items = work = 0
    odd: type | None = None
    waiting: list[Collection[Any]] = [(value,)]
    while waiting:
        texts, others = _texts_and_others(waiting.pop())
        chars += texts
        for one in others:
            kind = type(one)
            if kind is str or kind is bytes or kind is Markup:
                chars += len(one)
            elif kind is int or kind is bool:
                if one > _SMALL_NUMBER or one < -_SMALL_NUMBER:
                    bits = one.bit_length()
                    refuse_large((bits,), NUMBER_BITS)
                    chars += bits // 3
                    work += bits * bits >> 14
            elif kind is float:
                work += _FLOAT_WORK
            elif one is not None:
                held = _inside(one)
                odd = odd or _odd_kind(one, held)
                items += len(held) + (_DICT_ITEMS if kind is dict else 1)
                chars += ITEM_CHARS * len(held)
                if items > most_items:
                    refuse_large((chars,), longest)
                    raise OverBudget(_TOO_MUCH)
                waiting.append(held)
        if chars > longest:
            refuse_large((chars,), longest)
    return Size(chars, items, work + ITEM_WORK * items + _SHOWN_CHAR_WORK * chars, odd)


def _texts_and_others(items: Collection[Any]) -> tuple[int, Collection[Any]]:
    """Count the characters of many texts at once. Returns them, and what is still to be measured."""
    if len(items) >= _MANY and set(map(type, items)) == {str}:
        return sum(map(len, items)), ()
    return 0, items


def refuse_large(values: Iterable[Any], most: int | None = None) -> None:
    """Raise SecurityError for an integer above `most`, or below `-most`; by default, the longest value."""
    if most is None:
        most = budget().longest
    for value in values:
        if isinstance(value, int) and not -most <= value <= most:
            shown = value if abs(value) < SHOWN_NUMBER else f"of {value.bit_length()} bits"
            raise SecurityError(f"the number {shown} is too large here")


def _odd_kind(value: Any, held: Collection[Any]) -> type | None:
    """The value's type, if it has no text of its own."""
    kind = type(value)
    return kind if kind is Namespace or (not held and not isinstance(value, _SHOWN)) else None


def _not_text(kind: type) -> str:
    if kind in (BuiltinMethodType, MethodType):
        return "a method has no text: call it with (), or check the name of the column"
    if issubclass(kind, Iterator):
        return f"a {kind.__name__} has no text: add `| list` or `| join`"
    return f"a value of the type {kind.__name__!r} has no text; write row['…'] for a column with this name"


def _inside(value: Any) -> Collection[Any]:
    """The items of a list, dict or view, or nothing. Most common types first: this is called for every item."""
    kind = type(value)
    if kind is list or kind is tuple:
        items: Collection[Any] = value
    elif kind is dict:
        items = [*value, *value.values()]
    elif kind is Namespace:
        return _inside(object.__getattribute__(value, "_Namespace__attrs"))
    elif isinstance(value, Mapping):
        items = [*value.keys(), *value.values()]
    else:
        items = value if isinstance(value, _CONTAINERS) else ()
    return items
