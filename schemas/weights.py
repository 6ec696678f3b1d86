"""Which weights a model's name stands for, on one machine at one time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """The revision of a model: the hub's commit, or a digest of its folder; None if unknown.

    The digest is of the files alone that decide answers: a commit that changes a README has another revision and the
    same digest.
    """

    revision: str | None = None
    digest: str | None = None

    def differ_from(self, others: "LoadedWeights") -> bool:
        """Whether it is known that these weights give other answers than `others`."""
        if None in (self.revision, others.revision) or self.revision == others.revision:
            return False
        return self.digest is None or self.digest != others.digest


UNKNOWN_WEIGHTS = LoadedWeights()
