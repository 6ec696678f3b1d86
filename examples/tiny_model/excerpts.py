"""Shorter invoices for the start of training: from one line, the model learns to copy in a few hundred steps.

From whole invoices alone it first learns the form of answers, and needs long to learn to copy them from the text.
"""

from random import Random

from examples.tiny_model.invoices import Invoice

GROWN = 0.5  # after this share of training most invoices are whole
ALWAYS_SHORT = 0.2  # the share of invoices that is shortened until the end


def excerpt(rng: Random, whole: Invoice, progress: float) -> Invoice:
    """Choose some lines of an invoice, more as `progress` goes from 0 to 1."""
    growth = min(1.0, progress / GROWN)
    if growth == 1 and rng.random() > ALWAYS_SHORT:
        return whole
    stating = list(dict.fromkeys(whole.lines.values()))
    most = 1 + round(growth * len(stating))
    kept = set(rng.sample(stating, min(len(stating), rng.randint(1, most))))
    others = growth * rng.random()
    text_lines = [
        line
        for line in whole.text.split("\n")
        if line.strip() in kept or (line.strip() not in stating and rng.random() < others)
    ]
    fields = [field for field, line in whole.lines.items() if line in kept]
    return Invoice(
        text="\n".join(text_lines).strip("\n"),
        values={field: whole.values[field] for field in fields},
        lines={field: whole.lines[field] for field in fields},
    )
