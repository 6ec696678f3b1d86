"""Airflow's OpenAITriggerBatchOperator in a run of a DAG, and its trigger for deferred runs."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Before the first import of Airflow, in this process and in those that parse the DAG.
os.environ.setdefault("AIRFLOW_HOME", str(Path.cwd() / "airflow"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from airflow.providers.openai.hooks.openai import OpenAIHook
from airflow.providers.openai.operators.openai import OpenAITriggerBatchOperator
from airflow.providers.openai.triggers.openai import OpenAIBatchTrigger
from airflow.sdk import dag, task

CHAT = "/v1/chat/completions"
HOOK = OpenAIHook()


@dag(schedule=None)
def answered() -> None:
    """Upload, run a batch, count the answers."""

    @task
    def upload() -> str:
        return str(HOOK.upload_file(os.environ["BATCH_FILE"], purpose="batch").id)

    @task
    def count(batch_id: str) -> int:
        batch = HOOK.get_batch(batch_id)
        lines = HOOK.conn.files.content(batch.output_file_id).text.splitlines()
        assert len(lines) == batch.request_counts.total == int(os.environ["LINES"])
        return len(lines)

    ran = OpenAITriggerBatchOperator(
        task_id="run", file_id=upload(), endpoint=CHAT, wait_seconds=0.5, metadata={"by": "airflow"}
    )
    count(ran.output)


async def deferred() -> str:
    """The event of the trigger that waits for a batch of its own."""
    file = HOOK.upload_file(os.environ["BATCH_FILE"], purpose="batch")
    batch = HOOK.create_batch(file_id=file.id, endpoint=CHAT)
    trigger = OpenAIBatchTrigger(conn_id="openai_default", batch_id=batch.id, poll_interval=0.5, timeout=120)
    event = await anext(trigger.run())
    return str(event.payload["status"])


answered()


def airflow(*arguments: str) -> str:
    """What a command of Airflow wrote."""
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def main() -> None:
    """Run the DAG in an Airflow of its own, then a trigger."""
    home = Path.cwd() / "airflow"
    (home / "dags").mkdir(parents=True)
    shutil.copy(__file__, home / "dags")
    connection = {
        "conn_type": "openai",
        "host": os.environ["OPENAI_BASE_URL"],
        "password": os.environ["OPENAI_API_KEY"],
    }
    os.environ["AIRFLOW_CONN_OPENAI_DEFAULT"] = json.dumps(connection)
    airflow("db", "migrate")
    airflow("dags", "reserialize")
    told = airflow("dags", "test", "answered")
    assert "state=success" in told, told
    print("did: a DAG with the operator")
    assert asyncio.run(deferred()) == "success"
    print("did: the trigger of deferred runs")


if __name__ == "__main__":
    main()
