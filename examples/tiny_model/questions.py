"""Questions about an invoice, in many wordings, with their right answers.

A prompt is one user message: the invoice, a blank line, the question. In some prompts the question is first.
"""

from dataclasses import dataclass
from random import Random

from examples.tiny_model.invoices import FIELDS, Invoice

NAMES: dict[str, tuple[str, ...]] = {
    "number": ("invoice number", "number of the invoice", "invoice no.", "invoice ID"),
    "date": ("invoice date", "date of the invoice", "issue date", "date of issue", "date"),
    "due_date": ("due date", "payment due date", "date by which to pay", "payment deadline"),
    "total": ("total", "total amount", "amount due", "invoice total", "grand total", "total due"),
    "tax_id": ("tax ID", "VAT number", "VAT ID", "tax number", "seller's tax ID"),
    "quantity": ("total quantity", "number of units", "quantity", "total number of units"),
    "vendor": ("vendor", "seller", "supplier", "name of the vendor", "vendor name"),
}
WHOLE_QUESTIONS: dict[str, tuple[str, ...]] = {
    "number": ("What number does this invoice have?", "Which invoice is this?"),
    "date": ("When was the invoice issued?", "When was this invoice written?"),
    "due_date": ("When is the invoice due?", "By when must it be paid?", "When is payment due?"),
    "total": ("How much is due?", "How much must be paid?", "What does it come to in total?"),
    "tax_id": ("Under which tax ID does the seller trade?", "Which VAT number is given?"),
    "quantity": ("How many units were sold?", "How many units are on the invoice?"),
    "vendor": ("Who sent this invoice?", "Who is the vendor?", "Who is the seller?"),
}
ASKING = (
    "What is the {name}?",
    "What is the {name}?",
    "What is the {name} of this invoice?",
    "Which {name} is on the invoice?",
    "Give the {name}.",
    "Give me the {name} of the invoice.",
    "Tell me the {name}.",
    "Find the {name}.",
    "Extract the {name}.",
    "Extract the {name} from the invoice.",
    "Extract the {name} from this document.",
    "Read the invoice and return the {name}.",
    "Please state the {name}.",
    "Return the {name}.",
    "Question: What is the {name}?",
)
ASKING_BY_KEY = (
    "Extract the field {key}.",
    "Extract: {key}",
    "Extract the field '{key}' from the invoice.",
    "Field: {key}",
    "What is the {key}?",
    "{key}",
)
ENDINGS = ("", "", " Answer with the value only.", " Answer with the value only.",
           " Reply with the value only.", " Value only.", " Return only the value.",
           " Answer briefly.", " No other words.")  # fmt: skip
SYSTEMS = (
    "You read invoices.",
    "You read invoices. Answer with the value only.",
    "You are a helpful assistant.",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "You extract data from documents.",
    "Be brief.",
    "Answer questions about the invoice with the value only.",
)
PLAIN_ENDING = " Answer with the value only."


@dataclass(frozen=True)
class Question:
    """A prompt about one field of an invoice, with its right answer."""

    prompt: str
    field: str
    expected: str
    reasoning: str


def system(rng: Random) -> str | None:
    """Choose a system prompt, in most cases None."""
    return rng.choice(SYSTEMS) if rng.random() < 0.3 else None


def natural(rng: Random, field: str) -> str:
    """Ask for a field as a person would."""
    if rng.random() < 0.25:
        return rng.choice(WHOLE_QUESTIONS[field])
    return rng.choice(ASKING).format(name=rng.choice(NAMES[field]))


def wording(rng: Random, field: str) -> str:
    """Ask for a field in any wording, by its name or its key."""
    by_key = rng.random() < 0.2
    asked = rng.choice(ASKING_BY_KEY).format(key=field) if by_key else natural(rng, field)
    ending = rng.choice(ENDINGS)
    if ending and asked[-1] not in ".?":
        asked += "."
    return asked + ending


def ask(invoice: Invoice, field: str, asked: str, *, question_first: bool = False) -> Question:
    """Make the prompt of a question about an invoice."""
    texts = (asked, invoice.text) if question_first else (invoice.text, asked)
    return Question(
        prompt="\n\n".join(texts),
        field=field,
        expected=invoice.values[field],
        reasoning=f"The {NAMES[field][0]} is on this line: {invoice.lines[field]}",
    )


def plain(invoice: Invoice, field: str) -> Question:
    """Ask in the wording of the sample documents."""
    return ask(invoice, field, f"What is the {NAMES[field][0]}?{PLAIN_ENDING}")


def varied(rng: Random, invoice: Invoice, count: int) -> list[Question]:
    """Ask several questions about one invoice, all before it or all after it."""
    question_first = rng.random() < 0.12
    stated = [field for field in FIELDS if field in invoice.values]
    fields = rng.sample(stated, min(2 if question_first else count, len(stated)))
    return [ask(invoice, field, wording(rng, field), question_first=question_first) for field in fields]
