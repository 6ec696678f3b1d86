"""Planning: chunks are contiguous, complete, and within their limits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from qwenq.producer.planning import ChunkPlanner, estimated_tokens, prompt_overhead
from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.jobs import PromptSpec


def document(tokens: int) -> Document:
    return Document("id", 0, 1, "x" * 4 * tokens)


BAD = BadRow(0, 1, "", "bad")


def plan(rows: list[Row], documents: int, tokens: int, batch: int = 3) -> list[PlannedChunk]:
    planner = ChunkPlanner(documents, tokens)
    chunks = []
    for start in range(0, len(rows), batch):
        chunks += planner.add(rows[start : start + batch])
    return chunks + planner.finish()


def test_a_chunk_holds_at_most_the_given_documents() -> None:
    assert plan([document(1)] * 5, documents=2, tokens=100) == [
        PlannedChunk(0, 1),
        PlannedChunk(2, 3),
        PlannedChunk(4, 4),
    ]


def test_a_chunk_holds_about_the_given_tokens_and_a_larger_document_is_alone() -> None:
    rows: list[Row] = [document(tokens) for tokens in (4, 4, 4, 50, 1, 9)]
    chunks = plan(rows, documents=10, tokens=10)
    assert [(chunk.first_seq, chunk.last_seq) for chunk in chunks] == [(0, 1), (2, 2), (3, 3), (4, 5)]


def test_bad_rows_belong_to_the_open_chunk() -> None:
    rows: list[Row] = [BAD, document(1), BAD, document(1), BAD, BAD, document(1), BAD]
    assert plan(rows, documents=2, tokens=100) == [PlannedChunk(0, 5, 4), PlannedChunk(6, 7, 1)]


def test_rows_that_the_store_refused_count_as_bad() -> None:
    planner = ChunkPlanner(2, 100)
    assert planner.add([document(1)] * 3, rejected={1}) == []
    assert planner.add([document(1)] * 2, rejected={3}) == [PlannedChunk(0, 3, 2)]
    assert planner.finish() == [PlannedChunk(4, 4)]


def test_rows_without_a_document_make_no_chunk() -> None:
    assert plan([], 2, 100) == []
    assert plan([BAD] * 9, 2, 100) == []


def test_the_overhead_counts_for_every_document() -> None:
    planner = ChunkPlanner(100, 100, overhead=40)
    assert planner.add([document(10)] * 5) == [PlannedChunk(0, 1), PlannedChunk(2, 3)]
    assert prompt_overhead(PromptSpec(template="x" * 40, system="ü" * 20)) == 20


def test_tokens_are_estimated_from_bytes() -> None:
    assert estimated_tokens("x" * 40) == 10
    assert estimated_tokens("文" * 40) == 30


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=60),
    st.integers(1, 6),
    st.integers(1, 40),
    st.integers(1, 7),
)
def test_every_row_is_in_exactly_one_chunk_within_the_limits(
    costs: list[int | None], most: int, tokens: int, batch: int
) -> None:
    rows: list[Row] = [BAD if cost is None else document(cost) for cost in costs]
    chunks = plan(rows, most, tokens, batch)
    covered = [seq for chunk in chunks for seq in range(chunk.first_seq, chunk.last_seq + 1)]
    assert covered == (list(range(len(rows))) if any(cost is not None for cost in costs) else [])
    for chunk in chunks:
        held = [cost for cost in costs[chunk.first_seq : chunk.last_seq + 1] if cost is not None]
        assert 1 <= len(held) <= most
        assert len(held) == 1 or sum(held) <= tokens
        assert chunk.rejected == chunk.documents - len(held)
