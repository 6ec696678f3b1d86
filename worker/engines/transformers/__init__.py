"""The engine over Transformers. README.md says which way a document goes."""

import sys

# The package `kernels` fetches compiled code from the hub, and Transformers uses it wherever it is installed.
sys.modules["kernels"] = None  # type: ignore[assignment]
