"""The clients, their versions, and what each runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """A client: what its environment needs, its program, and the packages whose versions are told."""

    name: str
    program: str
    requirements: tuple[str, ...]
    packages: tuple[str, ...]


_LITELLM = "litellm==1.110.2"
# Its extra `proxy` names litellm-proxy, which is not on the registry: this is what the proxy imports.
_OF_ITS_PROXY = (
    *(
        "apscheduler",
        "backoff",
        "boto3",
        "cryptography",
        "fastapi>=0.136.3",
        "fastapi-sso",
        "granian",
        "gunicorn",
    ),
    *(
        "mcp>=2.3,<3",
        "orjson",
        "pyjwt",
        "pynacl",
        "python-multipart",
        "pyyaml",
        "restrictedpython",
        "rich",
        "rq",
    ),
    *(
        "semver",
        "soundfile",
        "starlette>=1.0.1,<2",
        "tomlkit",
        "uvicorn>=0.33",
        "uvloop",
        "websockets>=15,<16",
    ),
)
# openai-batch imports httpx, which openai 3 does not bring any more.
CLIENTS = (
    Client("openai-2", "openai_sdk.py", ("openai==2.54.0",), ("openai",)),
    Client("openai-3", "openai_sdk.py", ("openai==3.57.0",), ("openai",)),
    Client("litellm", "litellm_library.py", (_LITELLM,), ("litellm", "openai")),
    Client("litellm-proxy", "litellm_proxy.py", (_LITELLM, *_OF_ITS_PROXY), ("litellm", "openai")),
    Client("instructor", "instructor_batch.py", ("instructor==1.17.0",), ("instructor", "openai")),
    Client(
        "curator", "curator_batch.py", ("bespokelabs-curator==0.1.31",), ("bespokelabs-curator", "openai")
    ),
    Client("any-llm", "any_llm_batch.py", ("any-llm-sdk==1.40.2",), ("any-llm-sdk", "openai")),
    Client(
        "openai-batch", "openai_batch_runs.py", ("openai-batch==0.3.4", "httpx"), ("openai-batch", "openai")
    ),
    Client("dw-cli", "dw_command.py", ("dw-cli==0.1.25",), ("dw-cli",)),
    Client("autobatcher", "autobatcher_calls.py", ("autobatcher==0.12.0",), ("autobatcher", "openai")),
    Client(
        "airflow",
        "airflow_operator.py",
        ("apache-airflow-providers-openai==2.2.0",),
        ("apache-airflow-providers-openai", "apache-airflow", "openai"),
    ),
)
