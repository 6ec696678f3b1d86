"""Random facts for an invoice, in many notations: numbers, dates, amounts, names."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from examples.tiny_model import wording


@dataclass(frozen=True)
class Money:
    """A notation of amounts: the separators, and the currency's place."""

    thousands: str
    decimal: str
    before: str
    after: str

    def figure(self, cents: int) -> str:
        """The amount without the currency, such as `1,204.50`."""
        grouped = f"{cents // 100:,}".replace(",", self.thousands)
        return f"{grouped}{self.decimal}{cents % 100:02d}"

    def amount(self, cents: int) -> str:
        """The amount with the currency, such as `EUR 1,204.50`."""
        return f"{self.before}{self.figure(cents)}{self.after}"


@dataclass(frozen=True)
class Item:
    """A line of goods."""

    name: str
    quantity: int
    cents: int


def money(rng: Random) -> Money:
    """Choose a notation of amounts."""
    thousands, decimal = rng.choice([(",", "."), ("", "."), (".", ","), (" ", ","), (",", ".")])
    currency = rng.choice(wording.CURRENCIES)
    sign = wording.CURRENCY_SIGNS.get(currency, currency + " ")
    before, after = rng.choice([(currency + " ", ""), ("", " " + currency), (sign, ""), ("", "")])
    return Money(thousands, decimal, before, after)


def digits(rng: Random, low: int, high: int) -> str:
    """Make `low` to `high` random digits."""
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(low, high)))


def code(rng: Random, year: int) -> str:
    """Make a document number such as `INV-20417`."""
    prefix = rng.choice(wording.NUMBER_PREFIXES)
    number = digits(rng, 3, 8)
    return rng.choice(
        [
            f"{prefix}-{number}",
            f"{prefix}-{number}",
            f"{prefix}{number}",
            f"{prefix}-{year}-{number}",
            f"{prefix}/{year}/{number}",
            f"{year}-{number}",
            f"{year}/{number}",
            number,
        ]
    )


def tax_id(rng: Random) -> str:
    """Make a tax number such as `DE123456789`."""
    prefix = rng.choice(wording.TAX_PREFIXES)
    return rng.choice(
        [
            prefix + digits(rng, 8, 11),
            prefix + digits(rng, 8, 11),
            f"{prefix} {digits(rng, 3, 3)} {digits(rng, 4, 4)} {digits(rng, 2, 2)}",
            f"{prefix}-{digits(rng, 3, 3)}.{digits(rng, 3, 3)}.{digits(rng, 3, 3)}",
            f"{digits(rng, 2, 2)}/{digits(rng, 3, 3)}/{digits(rng, 5, 5)}",
            f"{digits(rng, 2, 2)}-{digits(rng, 7, 7)}",
        ]
    )


def day(rng: Random) -> date:
    """Choose a day between 2015 and 2035."""
    return date(2015, 1, 1) + timedelta(days=rng.randrange(365 * 20))


def write_day(when: date, style: int) -> str:
    """Write the day in one of the styles 0 to 8."""
    month = wording.MONTHS[when.month - 1]
    return (
        when.isoformat(),
        when.strftime("%d/%m/%Y"),
        when.strftime("%d.%m.%Y"),
        when.strftime("%m/%d/%Y"),
        f"{month} {when.day}, {when.year}",
        f"{when.day} {month} {when.year}",
        f"{when.day} {month[:3]} {when.year}",
        when.strftime("%Y/%m/%d"),
        when.strftime("%d-%m-%Y"),
    )[style]


def company(rng: Random) -> str:
    """Make a company's name."""
    name, trade = rng.choice(wording.NAMES), rng.choice(wording.TRADES)
    if rng.random() < 0.25:
        name = f"{name} {rng.choice(wording.NAMES)}"
    return f"{name} {trade} {rng.choice(wording.COMPANY_FORMS)}"


def items(rng: Random) -> list[Item]:
    """Make the goods: a few lines, sometimes many."""
    count = rng.choice([1, 1, 2, 2, 3, 3, 4, 5]) if rng.random() < 0.93 else rng.randint(6, 14)
    top = rng.choice([9, 60, 600])
    return [
        Item(
            rng.choice(wording.GOODS),
            rng.randint(1, top),
            rng.choice([5, 1]) * rng.randint(19, 9999),
        )
        for _ in range(count)
    ]
