"""How a job chooses tokens, said when it begins."""

from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.sampling.settling import in_words, warning
from qwenq.wording.output import say


def say_sampling(spec: JobSpec, *, in_full: bool = True) -> None:
    """Say on stderr how the job samples, with `in_full`, and warn where the model's card advises against it."""
    if in_full:
        say(f"sampling: {in_words(spec.params, spec.model)}")
    if advice := warning(spec.params, spec.model):
        say(advice)
