"""Train the tiny Qwen3 and save it: `python -m examples.tiny_model.train`.

A checkpoint is kept among the system's temporary files; training resumes from it after an interruption.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from examples.tiny_model import tokenizer
from examples.tiny_model.invoices import TRAINING_SEEDS
from examples.tiny_model.lessons import batches, loss_of, rate
from examples.tiny_model.model import FOLDER, new_model, save
from examples.tiny_model.trees import Batch

CHECKPOINT = Path(tempfile.gettempdir()) / "qwenq-tiny-model.pt"
POOL = 120  # invoices drawn together
MATRIX_RATE, OTHER_RATE = 0.02, 3e-3
KEEP_SECONDS = 120.0


class Trainer:
    """The model, its optimizers, and the progress of training."""

    def __init__(self, checkpoint: Path) -> None:
        self.tokenizer = tokenizer.build()
        self.model = new_model(self.tokenizer)
        body = self.model.model
        matrices = [each for each in body.layers.parameters() if each.ndim == 2]
        chosen = {id(each) for each in matrices}
        others = [each for each in body.parameters() if id(each) not in chosen]
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Muon(matrices, weight_decay=0.01), MATRIX_RATE),
            (torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.01), OTHER_RATE),
        ]
        self.checkpoint = checkpoint
        self.step, self.seed, self.spent = 0, TRAINING_SEEDS, 0.0
        if checkpoint.exists():
            self._resume()

    def train(self, steps: int, minutes: float, folder: Path) -> None:
        """Train for `steps` or `minutes`, whichever ends first, then save the model."""
        print(f"{self.model.num_parameters():,} parameters, from step {self.step}", flush=True)
        begun = time.monotonic() - self.spent
        kept = self.spent
        progress = max(self.step / steps, self.spent / (60 * minutes))
        while progress < 1:
            seen: list[tuple[float, float]] = []
            seeds = range(self.seed, self.seed + POOL)
            for given in batches(self.tokenizer, seeds, progress):
                self.spent = time.monotonic() - begun
                seen.append(self._learn(given, rate(progress)))
                progress = max(self.step / steps, self.spent / (60 * minutes))
                if progress >= 1:
                    break
            self.seed += POOL
            loss, right = (sum(column) / len(seen) for column in zip(*seen, strict=True))
            print(
                f"{self.spent:6.0f} s  {progress:6.1%}  step {self.step:5}  "
                f"loss {loss:.4f}  right {right:.3f}",
                flush=True,
            )
            if self.spent > kept + KEEP_SECONDS:
                self._keep()
                kept = self.spent
        save(self.model, self.tokenizer, folder)
        self.checkpoint.unlink(missing_ok=True)

    def _learn(self, given: Batch, factor: float) -> tuple[float, float]:
        loss, right = loss_of(self.model, given)
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, peak in self.optimizers:
            optimizer.param_groups[0]["lr"] = peak * factor
            optimizer.step()
        self.step += 1
        return loss.item(), right

    def _keep(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "counts": (self.step, self.seed, self.spent),
        }
        fresh = self.checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(state["model"])
        for (optimizer, _), kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seed, self.spent = state["counts"]


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3_500)
    parser.add_argument(
        "--minutes", type=float, default=60, help="end after this time, even with fewer steps"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to save the model")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    Trainer(given.checkpoint).train(given.steps, given.minutes, given.folder)


if __name__ == "__main__":
    main()
