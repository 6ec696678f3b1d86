"""Synthetic invoices: the same seed always gives the same invoice.

Seeds below `TRAINING_SEEDS` are held out from training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from examples.tiny_model import facts, wording

FIELDS = ("number", "date", "due_date", "total", "tax_id", "quantity", "vendor")
TRAINING_SEEDS = 1_000_000


@dataclass(frozen=True)
class Row:
    """A label and its value. `field` names it in questions; `answer` is the right answer."""

    label: str
    value: str
    field: str | None = None
    answer: str = ""


@dataclass(frozen=True)
class Invoice:
    """An invoice's text, and the value and line of each field."""

    text: str
    values: dict[str, str]
    lines: dict[str, str]


@dataclass(frozen=True)
class Parts:
    """An invoice before it is laid out."""

    title: str
    fields: dict[str, Row]
    distractors: list[Row]
    address: list[str]
    items: list[str]
    notes: list[str]


def invoice(seed: int) -> Invoice:
    """Make the invoice of a seed."""
    rng = Random(f"invoice {seed}")
    parts = _parts(rng)
    layout: Callable[[Random, Parts], list[tuple[str, list[Row]]]] = rng.choice(
        [_list, _list, _list, _letter, _pairs]
    )
    text_lines = layout(rng, parts)
    values: dict[str, str] = {}
    lines: dict[str, str] = {}
    for line, rows in text_lines:
        for row in rows:
            if row.field is not None:
                values[row.field] = row.answer
                lines[row.field] = line.strip()
    text = "\n".join(line for line, _ in text_lines).strip("\n")
    return Invoice(text, values, lines)


def _parts(rng: Random) -> Parts:
    money = facts.money(rng)
    goods = facts.items(rng)
    issued = facts.day(rng)
    due = issued + timedelta(days=rng.choice([7, 10, 14, 20, 30, 45, 60, 90]))
    style = rng.randrange(9)
    net = sum(item.quantity * item.cents for item in goods)
    tax = net * rng.choice([0, 7, 19, 20]) // 100
    quantity = str(sum(item.quantity for item in goods))
    written = {
        "number": facts.code(rng, issued.year),
        "date": facts.write_day(issued, style),
        "due_date": facts.write_day(due, style if rng.random() < 0.9 else rng.randrange(9)),
        "total": money.figure(net + tax),
        "tax_id": facts.tax_id(rng),
        "quantity": quantity,
        "vendor": facts.company(rng),
    }
    shown = {**written, "total": money.amount(net + tax)}
    fields = {
        name: Row(rng.choice(wording.FIELD_LABELS[name]), shown[name], name, written[name]) for name in FIELDS
    }
    distractors = [
        Row(rng.choice(wording.CUSTOMER_LABELS), facts.company(rng)),
        Row(rng.choice(wording.CODE_LABELS), facts.code(rng, issued.year)),
        Row(
            rng.choice(wording.DATE_LABELS),
            facts.write_day(issued - timedelta(days=rng.randint(1, 40)), style),
        ),
        Row(rng.choice(wording.CODE_LABELS), facts.digits(rng, 4, 9)),
        Row(rng.choice(wording.CONTACT_LABELS), "+" + facts.digits(rng, 8, 12)),
        Row(rng.choice(wording.AMOUNT_LABELS), money.amount(net)),
        Row(rng.choice(wording.TAX_LABELS), money.amount(tax)),
    ]
    distractors = rng.sample(distractors, rng.randint(0, len(distractors)))
    address = [
        f"{rng.choice(wording.STREETS)} {rng.randint(1, 199)}",
        f"{facts.digits(rng, 4, 5)} {rng.choice(wording.CITIES)}",
    ]
    return Parts(
        title=rng.choice(wording.TITLES),
        fields=fields,
        distractors=distractors,
        address=address if rng.random() < 0.5 else [],
        items=_item_lines(rng, goods, money),
        notes=_notes(rng),
    )


def _item_lines(rng: Random, goods: list[facts.Item], money: facts.Money) -> list[str]:
    if rng.random() < 0.15:
        return []
    style = rng.randrange(4)
    lines = []
    for place, item in enumerate(goods, 1):
        each, whole = money.figure(item.cents), money.figure(item.cents * item.quantity)
        lines.append(
            (
                f"{item.quantity} x {item.name} @ {each} = {whole}",
                f"- {item.name}: {item.quantity} pcs, {whole}",
                f"{place}. {item.name} | {item.quantity} | {each} | {whole}",
                f"{item.name}  {item.quantity}  {whole}",
            )[style]
        )
    return lines


def _notes(rng: Random) -> list[str]:
    notes = rng.sample(wording.NOTES, rng.choice([0, 0, 1, 1, 2]))
    if rng.random() < 0.3:
        words = " ".join(rng.choices(wording.NOTE_WORDS, k=rng.randint(3, 15)))
        notes.append(f"{rng.choice(['Note: ', 'Remark: ', ''])}{words}.")
    return notes


def _cased(rng: Random) -> Callable[[str], str]:
    cases: list[Callable[[str], str]] = [str, str, str, str.upper, str.lower]
    return rng.choice(cases)


def _list(rng: Random, parts: Parts) -> list[tuple[str, list[Row]]]:
    """Lay out one label and value a line in a random order, with goods and notes around them."""
    mark = rng.choice([": ", ": ", ": ", " ", "\t", " - ", ":  ", " = ", " .... "])
    bullet = rng.choice(["", "", "", "", "- ", "* ", "  "])
    cased = _cased(rng)
    rows = [*parts.fields.values(), *parts.distractors]
    rng.shuffle(rows)
    if rng.random() < 0.5:  # many invoices end with the money
        rows.sort(key=lambda row: row.field in ("total", "quantity"))
    if rng.random() < 0.3:
        rows.sort(key=lambda row: row.field != "vendor")
    block = [(f"{bullet}{cased(row.label)}{mark}{row.value}", [row]) for row in rows]
    cut = rng.randint(0, len(block))
    gap: list[tuple[str, list[Row]]] = [("", [])] if rng.random() < 0.5 else []
    lines: list[tuple[str, list[Row]]] = []
    if rng.random() < 0.7:
        lines += [(parts.title, []), *gap]
    lines += [(line, []) for line in parts.address]
    lines += block[:cut]
    if parts.items:
        lines += [*gap, *((line, []) for line in parts.items), *gap]
    lines += block[cut:]
    lines += [*gap[: len(parts.notes)], *((line, []) for line in parts.notes)]
    return lines


def _pairs(rng: Random, parts: Parts) -> list[tuple[str, list[Row]]]:
    """Lay out several labels and values a line, as in a header or a table."""
    mark = rng.choice([": ", ": ", " ", "=", " = "])
    between = rng.choice([" | ", "; ", ", ", "   ", "\t"])
    cased = _cased(rng)
    rows = [*parts.fields.values(), *parts.distractors]
    rng.shuffle(rows)
    block: list[tuple[str, list[Row]]] = []
    while rows:
        width = rng.randint(1, 3)
        taken, rows = rows[:width], rows[width:]
        block.append((between.join(f"{cased(row.label)}{mark}{row.value}" for row in taken), taken))
    cut = rng.randint(0, len(block))
    goods = [(line, list[Row]()) for line in (*parts.items, *parts.notes)]
    return [(parts.title, []), *block[:cut], *goods, *block[cut:]]


def _letter(rng: Random, parts: Parts) -> list[tuple[str, list[Row]]]:
    """Lay out sentences, as in a letter."""
    rows = parts.fields
    said = {name: row.value for name, row in rows.items()}
    sentences = [
        (rng.choice(sentence).format(**said), [rows[name] for name in names])
        for names, sentence in wording.SENTENCES
    ]
    rng.shuffle(sentences)
    sentences += [(f"{row.label}: {row.value}", []) for row in parts.distractors[:2]]
    lines: list[tuple[str, list[Row]]] = [(rng.choice(wording.SALUTATIONS), []), ("", [])]
    lines += [*sentences, *((line, []) for line in parts.items)]
    return [*lines, *((line, []) for line in parts.notes)]
