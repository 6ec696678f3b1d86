"""A store of the first version, with a worker in the middle of a job: what every upgrade must keep."""

from datetime import UTC, datetime
from typing import Any

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS: dict[str, list[dict[str, Any]]] = {
    "workers": [
        {
            "id": 1, "name": "w@h", "host": "h", "pid": 7, "state": "ready", "model": "echo", "device": "cpu",
            "dtype": "float32", "context": 512, "parameters": 10**10, "loads": 1, "load_seconds": 0.5,
            "error": None, "started_at": AT, "heartbeat_at": AT,
        }
    ],
    "jobs": [
        {
            "id": 1, "name": "j", "state": "running", "model": "echo", "priority": "normal", "prompt": {}, "params": {},
            "sources": ["a.jsonl"], "run_key": None, "created_at": AT, "started_at": AT, "finished_at": None,
        }
    ],
    "documents": [
        {
            "job_id": 1, "seq": 0, "custom_id": "a", "source": 0, "line": 1, "state": "succeeded",
            "content": '{"text": "ä"}', "error_code": None, "error_message": None,
        },
        {
            "job_id": 1, "seq": 1, "custom_id": None, "source": 0, "line": 2, "state": "failed",
            "content": "{", "error_code": "invalid_row", "error_message": "not JSON",
        },
        {
            "job_id": 1, "seq": 2, "custom_id": "b", "source": 0, "line": 3, "state": "running",
            "content": "{}", "error_code": None, "error_message": None,
        },
    ],
    "chunks": [
        {
            "id": 1, "job_id": 1, "first_seq": 0, "last_seq": 2, "state": "running", "attempt": 2, "crashes": 0,
            "worker_id": 1, "lease_expires_at": AT, "published_at": AT, "created_at": AT, "finished_at": None,
            "documents": 3, "succeeded": 1, "failed": 1, "cancelled": 0,
            "prompt_tokens": 5, "completion_tokens": 6, "reasoning_tokens": 0,
        }
    ],
    "results": [
        {
            "job_id": 1, "seq": 0, "chunk_id": 1, "attempt": 2, "worker_id": 1, "text": "ö", "reasoning": None,
            "finish_reason": "stop", "prompt_tokens": 5, "completion_tokens": 6, "reasoning_tokens": 0,
            "created_at": AT,
        }
    ],
    "batches": [
        {
            "id": 1, "job_id": 1, "chunk_id": 1, "worker_id": 1, "model": "echo", "rows": 1, "prompt_tokens": 5,
            "padded_tokens": 5, "new_tokens": 6, "seconds": 0.5, "tokens_per_second": 12.0,
            "resident_bytes": 10**10, "gpu_peak_bytes": 0, "finished_at": AT,
        }
    ],
}  # fmt: skip
LATER_ROWS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "0002": {
        "results": [
            {
                "job_id": 1, "seq": 2, "chunk_id": 1, "attempt": 2, "worker_id": 1, "text": "c", "reasoning": "r",
                "finish_reason": "length", "prompt_tokens": 5, "completion_tokens": 6, "reasoning_tokens": 1,
                "prefix_tokens": 4, "created_at": AT,
            }
        ],
    },
    "0003": {
        "jobs": [
            {
                "id": 2, "name": "p", "state": "paused", "model": "echo", "priority": "high", "prompt": {},
                "params": {}, "sources": ["b.jsonl"], "run_key": None, "created_at": AT, "started_at": AT,
                "finished_at": None, "paused_from": "running", "idle_since": AT, "idle_seconds": 7.5,
            }
        ],
        "failures": [
            {"job_id": 1, "seq": 2, "round": 1, "code": "poison", "message": "it hung", "failed_at": AT},
        ],
    },
}  # fmt: skip
"""What the versions after it added, on top of its rows."""
