"""Shorter invoices to start with: copying is learned from one line in a few hundred steps.

On whole invoices alone the model first learns what answers look like, and takes long to find out how to copy
them from the text.
"""

from random import Random

from examples.tiny_model.invoices import Invoice

GROWN = 0.5  # the share of training after which most invoices are whole
ALWAYS_SHORT = 0.2  # the share of excerpts that stays to the end


def excerpt(rng: Random, whole: Invoice, progress: float) -> Invoice:
    """Some lines of the invoice, more of them as training goes on from 0 to 1."""
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
