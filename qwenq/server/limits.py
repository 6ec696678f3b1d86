"""Sizes and values that the service holds requests to: OpenAI's."""

from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import Purpose

MOST_FILE_BYTES = 512 * 1024 * 1024
"""Of a file with another purpose than batch. The bounds of tenants and keys say how large a batch may be."""
MOST_UPLOAD_BYTES = 8 * 1024**3
"""Of an upload in parts."""
MOST_PART_BYTES = 64 * 1024 * 1024
MOST_PARTS = 10_000
"""Of an upload: its parts may be small."""
UPLOAD_SECONDS = 3_600.0
"""How long an upload waits for its parts."""
MOST_MIME_CHARS = 255
MOST_FIELD_BYTES = 64 * 1024
"""Of a form field that is no file."""
MOST_FIELDS = 64
MOST_BODY_BYTES = 1024 * 1024
"""Of a request in JSON."""
MOST_QUESTION_BYTES = 16 * 1024 * 1024
"""Of a single request: as of a batch's line."""
QUESTION_SECONDS = 600.0
"""How long a single request waits for its answer: as long as OpenAI's clients."""
WINDOWS = {"24h": 86_400.0}
"""Completion windows, in seconds."""
BATCH_FILE_SECONDS = 30 * 86_400
"""How long a file with the purpose batch is kept unless it says so itself."""
LEAST_KEPT_SECONDS, MOST_KEPT_SECONDS = 3_600, 2_592_000
MOST_OFFSET = 2**31 - 1
MOST_FILES_A_PAGE = 10_000
MOST_BATCHES_A_PAGE = 100
BATCHES_A_PAGE = 20
MOST_PAIRS, MOST_PAIR_NAME, MOST_PAIR_VALUE = 16, 64, 512
"""Of `metadata`."""
MOST_IDEMPOTENCY_KEY = 255
ENDPOINTS = tuple(Endpoint)
"""What a batch can ask for."""
UPLOAD_PURPOSES = tuple(purpose.value for purpose in Purpose if purpose is not Purpose.BATCH_OUTPUT)
"""What a file can be uploaded for."""
