"""autobatcher: single calls of an AsyncOpenAI that it gathers into a batch."""

import asyncio
import os

from autobatcher import BatchOpenAI


async def main() -> None:
    """Make five calls at once, which become one batch."""
    client = BatchOpenAI(
        base_url=os.environ["OPENAI_BASE_URL"],
        api_key=os.environ["OPENAI_API_KEY"],
        completion_window="24h",
        batch_window_seconds=0.5,
        poll_interval_seconds=0.2,
    )

    async def asked(place: int) -> str:
        message = {"role": "user", "content": f"Was invoice {place} paid?"}
        answer = await client.chat.completions.create(
            model=os.environ["MODEL"], messages=[message], max_tokens=8
        )
        return str(answer.choices[0].message.content)

    assert len(await asyncio.gather(*map(asked, range(5)))) == 5
    batches = await client.batches.list(limit=1)
    assert batches.data[0].request_counts is not None
    assert batches.data[0].request_counts.completed == 5
    print("did: five calls in one batch")
    print("cannot: windows other than 24h: they are background calls of /v1/responses, of Doubleword alone")
    await client.close()


asyncio.run(main())
