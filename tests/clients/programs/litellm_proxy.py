"""litellm's proxy, which passes files and batches of a model with the provider hosted_vllm through to the service."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import openai

NAME, MASTER_KEY, SECONDS = "tiny", "sk-master", 180
ENDED = {"completed", "failed", "expired", "cancelled"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_alive(address: str, proxy: "subprocess.Popen[str]") -> None:
    """Wait until the proxy answers. Raises AssertionError."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and proxy.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health/liveliness", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(Path("proxy.log").read_text("utf-8"))


def batch(client: openai.OpenAI) -> None:
    """A batch through the proxy."""
    content = Path(os.environ["BATCH_FILE"]).read_bytes()
    file = client.files.create(file=("batch.jsonl", content), purpose="batch")
    made = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    while (found := client.batches.retrieve(made.id)).status not in ENDED:
        time.sleep(0.5)
    assert found.status == "completed", found
    assert found.output_file_id is not None
    lines = client.files.content(found.output_file_id).text.splitlines()
    assert len(lines) == len(content.splitlines())
    print("did: files, batches")
    ours = openai.OpenAI()
    assert ours.batches.list(limit=1).data[0].request_counts == found.request_counts
    print("did: pass through: the service has the batch")
    message = {"role": "user", "content": "Was it paid?"}
    answer = client.chat.completions.create(model=NAME, messages=[message], max_tokens=8)  # type: ignore[list-item]
    assert answer.choices[0].message.content is not None
    print("did: chat")


def main() -> None:
    """Run the proxy with one model, and a batch through it."""
    port, model = free_port(), os.environ["MODEL"]
    ours = {"api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"]}
    configuration = {
        "model_list": [
            {"model_name": NAME, "litellm_params": {"model": f"hosted_vllm/{model}", **ours}},
        ],
        "general_settings": {"master_key": MASTER_KEY},
    }
    Path("config.yaml").write_text(json.dumps(configuration), "utf-8")
    command = [str(Path(sys.executable).parent / "litellm"), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with Path("proxy.log").open("w", encoding="utf-8") as log:
        proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_alive(address, proxy)
        headers = {"x-litellm-model": NAME}
        batch(openai.OpenAI(base_url=f"{address}/v1", api_key=MASTER_KEY, default_headers=headers))
    except openai.APIError:
        print(Path("proxy.log").read_text("utf-8")[-6_000:])
        raise
    finally:
        proxy.kill()


main()
