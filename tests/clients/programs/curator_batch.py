"""bespokelabs-curator in batch mode, with the backend openai: uploads, waits for the file, polls, reads."""

import os

os.environ.update(TELEMETRY_ENABLED="false", HF_HUB_OFFLINE="1", CURATOR_DISABLE_RICH_DISPLAY="1")

from bespokelabs import curator

ASKED = [{"number": place} for place in range(3)]


class Asker(curator.LLM):  # type: ignore[misc]
    """Asks about invoices."""

    def prompt(self, row: dict[str, int]) -> str:
        """The prompt of a row."""
        return (
            f"INVOICE\nInvoice no.=DOC-{row['number']}\n\nWhich invoice is this? Answer with the value only."
        )

    def parse(self, row: dict[str, int], response: str) -> dict[str, object]:
        """The row of an answer."""
        return {"number": row["number"], "answer": response}


def main() -> None:
    """Answer three rows."""
    asker = Asker(
        model_name=os.environ["MODEL"],
        backend="openai",
        batch=True,
        generation_params={"max_tokens": 200},
        backend_params={
            "base_url": os.environ["OPENAI_BASE_URL"],
            "batch_check_interval": 1,
            "delete_successful_batch_files": False,
        },
    )
    answered = asker(ASKED)
    rows = list(getattr(answered, "dataset", answered))
    assert sorted(row["number"] for row in rows) == [0, 1, 2], rows
    assert all(row["answer"] for row in rows), rows
    print("did: a batch", [row["answer"][:20] for row in rows])
    print(
        "cannot: delete its files: curator 0.1.31 asks its own GenericBatch for input_file_id, which it has not"
    )


main()
