"""Numbers in the digits of a format's section: places, thousands, percent, exponents, fractions."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

_EXACT = Context(prec=5_000, rounding=ROUND_HALF_UP)
_GROUP = 3
_NEAR_ENOUGH = Fraction(1, 20_000_000)
_MOST_DENOMINATOR = 9_999_999


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a format: its kind, such as digits or literal, and its characters."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the digits of a section stand: among its tokens, those of digits from the first to the last."""

    before: str
    after: str
    decimals: int
    grouped: bool
    scale: int
    """Multiplies the number: 100 for percent, a thousandth for each comma at the end."""
    thousands: int
    exponent: tuple[str, str] | None
    fraction: bool

    @classmethod
    def of(cls, tokens: Sequence[Token]) -> "Layout | None":
        """The layout of a section; None for a section without digits."""
        digits = [(place, one.text) for place, one in enumerate(tokens) if one.kind == "digits"]
        if not any(char in "0#?" for _, text in digits for char in text):
            return None
        percents = sum(one.kind == "percent" for one in tokens)
        at = next((place for place, one in enumerate(tokens) if one.kind == "exponent"), None)
        mantissa = "".join(text for place, text in digits if at is None or place < at)
        exponent = None
        if at is not None:
            exponent = tokens[at].text, "".join(text for place, text in digits if place > at)
        before, _, after = mantissa.partition(".")
        trimmed = before.rstrip(",") if not after else before
        tail = after.rstrip(",")
        thousands = len(before) - len(trimmed) if not after else len(after) - len(tail)
        return cls(
            before=trimmed.replace(",", ""),
            after=tail.replace(",", "").replace(".", ""),
            decimals=len(tail.replace(",", "").replace(".", "")),
            grouped="," in trimmed.strip(","),
            scale=100**percents,
            thousands=thousands,
            exponent=exponent,
            fraction=any(one.kind == "slash" for one in tokens),
        )


def general(value: float) -> str:
    """A number without a format: up to 15 digits."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def shown_number(tokens: Sequence[Token], layout: Layout | None, value: float) -> str:
    """What a section shows for a number."""
    if layout is None:
        sign = "-" if value < 0 and any(one.kind in {"general", "text", "literal"} for one in tokens) else ""
        is_text = any(one.kind in {"general", "text"} for one in tokens)
        body = "".join(
            general(abs(value)) if one.kind in {"general", "text"} else one.text for one in tokens
        ).strip()
        return sign + body if is_text or body else body
    number = Decimal(f"{value:.15g}") if not isinstance(value, int) else Decimal(value)
    sign = "-" if number < 0 else ""
    number = abs(number) * layout.scale
    number = number.scaleb(-_GROUP * layout.thousands, context=_EXACT)
    if layout.fraction:
        return (sign + _as_fraction(tokens, number)).strip()
    if layout.exponent is not None:
        return (sign + _with_exponent(tokens, layout, number)).strip()
    rounded = number.quantize(Decimal(1).scaleb(-layout.decimals), context=_EXACT)
    return (sign + _filled(tokens, layout, rounded)).strip()


def _filled(tokens: Sequence[Token], layout: Layout, number: Decimal) -> str:
    """The tokens, with the digits of a rounded number in their places."""
    whole, _, decimals = f"{number:f}".partition(".")
    cells = _before(whole.lstrip("0"), layout)
    places_after = _after(decimals, layout.after)
    shown: list[str] = []
    is_after = False
    place = 0
    for one in tokens:
        if one.kind != "digits":
            shown.append(one.text)
            continue
        for char in one.text:
            if char == ".":
                # Without places before the point, the digits there stand before it all the same.
                shown.append("." if layout.before else cells[0] + ".")
                is_after, place = True, 0 if not is_after else place
            elif char in "0#?":
                source = places_after if is_after else cells
                shown.append(source[place] if place < len(source) else "")
                place += 1
    return "".join(shown)


def _before(whole: str, layout: Layout) -> list[str]:
    """What stands in each place before the point. The first place takes all the digits that have none."""
    places = layout.before
    missing = max(len(places) - len(whole), 0)
    first_zero = places.find("0")
    shown: list[str] = []
    for at in range(missing):
        is_shown = 0 <= first_zero <= at
        shown.append("0" if is_shown else " " if places[at] == "?" else "")
    shown += whole
    if layout.grouped:
        for behind in range(_GROUP, len(shown), _GROUP):
            at = len(shown) - 1 - behind
            shown[at] += "," if shown[at].strip() else ""
    extra = len(shown) - len(places)
    return ["".join(shown[: extra + 1]), *shown[extra + 1 :]]


def _after(decimals: str, places: str) -> list[str]:
    """What stands in each place behind the point: zeros at the end only where the format has 0."""
    kept = len(decimals.rstrip("0"))
    needed = places.rfind("0") + 1
    shown = []
    for at, kind in enumerate(places):
        if at < max(kept, needed):
            shown.append(decimals[at])
        else:
            shown.append(" " if kind == "?" else "")
    return shown


def _with_exponent(tokens: Sequence[Token], layout: Layout, number: Decimal) -> str:
    """Scientific notation. More places before the point make the exponent a multiple of their number."""
    assert layout.exponent is not None  # noqa: S101 - the caller knows
    mark, places = layout.exponent
    step = max(len(layout.before), 1)
    power = number.adjusted() if number else 0
    power = power // step * step
    rounded = number.scaleb(-power).quantize(Decimal(1).scaleb(-layout.decimals), context=_EXACT)
    if rounded >= Decimal(10) ** step:
        power += step
        rounded = number.scaleb(-power).quantize(Decimal(1).scaleb(-layout.decimals), context=_EXACT)
    at = next(place for place, one in enumerate(tokens) if one.kind == "exponent")
    mantissa = _filled(tokens[:at], layout, rounded)
    sign = "-" if power < 0 else "+" if "+" in mark else ""
    behind = "".join(one.text for one in tokens[at + 1 :] if one.kind != "digits")
    return f"{mantissa}{mark[0]}{sign}{str(abs(power)).zfill(len(places))}{behind}"


def _as_fraction(tokens: Sequence[Token], number: Decimal) -> str:
    """A fraction such as 2 1/4. The places below the line, or the number there, say how fine it is."""
    at = next(place for place, one in enumerate(tokens) if one.kind == "slash")
    before = [one.text for one in tokens[:at] if one.kind == "digits"]
    below = "".join(one.text for one in tokens[at + 1 :] if one.kind in {"digits", "literal"}).strip()
    exact = Fraction(number)
    fixed = "".join(char for char in below if char.isdigit() or char in "#?")
    if fixed.isdigit() and fixed.strip("0"):
        fraction = int(exact * int(fixed) + Fraction(1, 2)), int(fixed)
    else:
        fine = min(10 ** max(sum(char in "0#?" for char in below), 1) - 1, _MOST_DENOMINATOR)
        fraction = _near(exact, fine)
    above, under = fraction
    if len(before) <= 1:
        return f"{above}/{under}"
    whole, above = divmod(above, under)
    if not above:
        return str(whole)
    return f"{whole} {above}/{under}" if whole else f"{above}/{under}"


def _near(exact: Fraction, fine: int) -> tuple[int, int]:
    """The last convergent whose denominator is at most `fine`, as Excel has it: 1/3 for 0.3 with one digit."""
    above, under, above_before, under_before = 1, 0, 0, 1
    rest = exact
    while True:
        whole = rest.numerator // rest.denominator
        next_above, next_under = whole * above + above_before, whole * under + under_before
        if next_under > fine:
            return above, under
        above, under, above_before, under_before = next_above, next_under, above, under
        rest -= whole
        if rest < _NEAR_ENOUGH:
            return above, under
        rest = 1 / rest
