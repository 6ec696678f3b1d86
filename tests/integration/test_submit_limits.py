"""What goes beyond a limit of a job or of its submitter is refused whole, and says where and by which setting."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from sqlalchemy import func, select

from qwenq import api
from qwenq.schemas.errors import InputTooLarge, SubmitterLimit
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store


@pytest.fixture
def limited(settings: Settings, store: Store, broker: Broker) -> Settings:
    """Settings of a store and a broker that are there."""
    return settings.model_copy(update={"model": "echo", "submitter": "anna@here"})


def lines(count: int, length: int = 10) -> bytes:
    return b"".join(b'{"id":"d%d","text":"%s"}\n' % (place, b"x" * length) for place in range(count))


def submit(settings: Settings, *files: Path, **limits: Any) -> None:
    api.submit(list(files), settings=settings.model_copy(update=limits))


def stored(store: Store) -> list[int]:
    with store.reading() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (jobs, documents, chunks)
        ]


def test_a_job_of_too_many_rows_is_refused_whole(limited: Settings, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(3))
    (tmp_path / "b.jsonl").write_bytes(lines(25_000).replace(b'"d', b'"e'))
    with pytest.raises(InputTooLarge) as refused:
        submit(limited, tmp_path / "a.jsonl", tmp_path / "b.jsonl", max_documents=20_000)
    assert (refused.value.source, refused.value.line) == (str(tmp_path / "b.jsonl"), 19_998)
    assert "more than 20,000 rows. QWENQ_MAX_DOCUMENTS sets this limit" in str(refused.value)
    assert stored(store) == [0, 0, 0]
    submit(limited, tmp_path / "a.jsonl", max_documents=3)
    assert stored(store)[:2] == [1, 3]


def test_a_job_of_too_many_bytes_is_refused_whole(limited: Settings, store: Store, tmp_path: Path) -> None:
    whole = lines(20, 1000)
    (tmp_path / "a.jsonl").write_bytes(whole)
    size = len(whole) - 20
    with pytest.raises(InputTooLarge, match=r"a\.jsonl, line 20: .* QWENQ_MAX_JOB_BYTES sets this limit"):
        submit(limited, tmp_path / "a.jsonl", max_job_bytes=size - 1)
    assert stored(store) == [0, 0, 0]
    submit(limited, tmp_path / "a.jsonl", max_job_bytes=size)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("packed", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize("padding", [b"\n" * (1 << 20), b"x" * (1 << 20)], ids=["blank lines", "a long line"])
def test_what_a_compressed_file_holds_is_limited_even_if_it_is_no_document(
    limited: Settings, store: Store, tmp_path: Path, packed: Any, padding: bytes
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(packed(lines(1).replace(b"d0", name.encode()) + padding))
    with pytest.raises(InputTooLarge, match=r"b\.jsonl, line .*unpacked.* QWENQ_MAX_JOB_BYTES"):
        submit(limited, tmp_path, max_job_bytes=(3 << 19))
    assert stored(store) == [0, 0, 0]
    submit(limited, tmp_path, max_job_bytes=(5 << 19))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_small_parquet_file_of_many_long_documents_is_refused_whole(
    limited: Settings, store: Store, tmp_path: Path
) -> None:
    text = pa.array(["x" * 65_536]).dictionary_encode()
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000, pa.int32()), text.dictionary)
    pq.write_table(pa.table({"text": repeated}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 5_000
    with pytest.raises(InputTooLarge, match=r"a\.parquet, line 1,000.* QWENQ_MAX_JOB_BYTES"):
        submit(limited, tmp_path / "a.parquet", max_job_bytes=65_536_000)
    assert stored(store) == [0, 0, 0]


def test_a_submitter_with_too_much_unfinished_work_must_wait(
    limited: Settings, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(5))
    submit(limited, path, max_open_jobs=1, max_waiting_documents=1)
    with pytest.raises(SubmitterLimit, match=r"anna@here has 1 unfinished jobs already. QWENQ_MAX_OPEN_JOBS"):
        submit(limited, path, max_open_jobs=1)
    with pytest.raises(SubmitterLimit, match=r"has 5 waiting documents already. QWENQ_MAX_WAITING_DOCUMENTS"):
        submit(limited, path, max_waiting_documents=5)
    assert stored(store)[:2] == [1, 5]
    submit(limited, path, max_open_jobs=1, submitter="berta@here")
    submit(limited, path, max_open_jobs=2, max_waiting_documents=6)
    [first, *_] = api.jobs(settings=limited)
    api.cancel(first.id, settings=limited)
    submit(limited, path, max_open_jobs=2)


def test_a_repeated_request_is_no_new_work_of_its_submitter(limited: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a"}))
    once = limited.model_copy(update={"max_open_jobs": 1})
    first = api.submit([path], settings=once, idempotency_key="k")
    assert api.submit([path], settings=once, idempotency_key="k").id == first.id
