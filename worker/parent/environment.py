"""How the libraries under PyTorch are to behave in a worker's processes; they read it when a process starts."""

import os

ENVIRONMENT = {
    # How long PyTorch's threads spin before they sleep: about 0.1 ms, which bridges the gaps between a step's many
    # small operations. Longer, and one busy process beside makes each of these wait for a thread that spins.
    "GOMP_SPINCOUNT": "10000",
    # glibc would hand every large tensor back to the system, and the next would be paged in anew: passes over
    # prompts then took half as long again.
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_TOP_PAD_": "67108864",
}


def prepare_environment() -> None:
    """Set what is not set, for the processes to come."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
