"""The service's own series in /metrics: names, labels, meanings."""

from qwenq.schemas.measures.series import Series

REQUESTS = Series(
    "qwenq_http_requests", "counter", ("tenant", "method", "route", "status"), "Requests over HTTP"
)
REQUEST_SECONDS = Series(
    "qwenq_http_request_seconds",
    "histogram",
    ("tenant", "route"),
    "Time from the beginning of a request to the end of its answer",
)
REFUSALS = Series(
    "qwenq_http_refusals", "counter", ("tenant", "reason"), "Refused requests, by the code of the refusal"
)
UPLOADS = Series("qwenq_http_uploads", "counter", ("tenant",), "Uploaded files, and parts of files")
UPLOADED_BYTES = Series("qwenq_http_uploaded_bytes", "counter", ("tenant",), "Bytes of these")

SERIES = (REQUESTS, REQUEST_SECONDS, REFUSALS, UPLOADS, UPLOADED_BYTES)
