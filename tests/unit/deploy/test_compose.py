"""The Compose files fit the specification, the commands and the settings of this version."""

import json
import re
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema.validators import validator_for

from qwenq.cli.services.serve import command as serve
from qwenq.schemas.settings import ENV_PREFIX, Settings
from tests.unit.deploy.compose import BASE, CPU, ROOT, environments, load, merged, qwenq_services
from tests.unit.docs.command_lines import read_command

GUARDED = re.compile(r"PASSWORD|AUTH|TOKEN|SECRET|KEY")
STORES = ("postgres", "redis")
MONITORING = ("prometheus", "grafana")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The specification's own schema, which the package check-jsonschema carries under Apache-2.0."""
    found = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    read: dict[str, Any] = json.loads(found.read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return load(BASE)


@pytest.mark.parametrize(
    "shown",
    [load(BASE), load(CPU), merged(BASE, CPU)],
    ids=["docker-compose.yml", "docker-compose.cpu.yml", "both"],
)
def test_a_compose_file_fits_the_specification(schema: dict[str, Any], shown: dict[str, Any]) -> None:
    validator = validator_for(schema)
    validator.check_schema(schema)
    assert [error.message for error in validator(schema).iter_errors(shown)] == []


def test_every_service_of_compose_runs_a_command_that_exists(compose: dict[str, Any]) -> None:
    run = {name: read_command(one["command"]).command_path for name, one in qwenq_services(compose).items()}
    assert run == {
        "migrate": "qwenq db upgrade",
        "worker": "qwenq worker",
        "beat": "qwenq beat",
        "api": "qwenq serve",
        "flower": "qwenq flower",
    }


def test_every_qwenq_variable_of_the_deployment_is_a_setting() -> None:
    settings = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    settings |= {str(option.envvar) for option in serve.params if option.name != "model"}
    texts = [path.read_text("utf-8") for path in (BASE, CPU, ROOT / "Dockerfile")]
    texts += [path.read_text("utf-8") for path in (ROOT / "deploy").rglob("*.example")]
    texts += [path.read_text("utf-8") for path in (ROOT / "deploy").rglob("*.service")]
    for text in texts:
        assert set(re.findall(rf"\b{ENV_PREFIX}[A-Z_]+", text)) <= settings


def test_the_services_of_compose_share_the_model(compose: dict[str, Any]) -> None:
    seen = environments(compose)
    assert len({seen[service]["QWENQ_MODEL"] for service in qwenq_services(compose)}) == 1
    assert {seen[service]["QWENQ_SECRETS_DIR"] for service in qwenq_services(compose)} == {"/run/secrets"}


def test_health_checks_by_qwenq_name_commands_and_checks_that_exist(compose: dict[str, Any]) -> None:
    for name in ("worker", "beat"):
        _, program, *words = compose["services"][name]["healthcheck"]["test"]
        assert program == "qwenq"
        read = read_command(words)
        assert read.command_path == "qwenq health"
        assert read.params["only"] == ("store", "broker", "schema")


def test_a_service_waits_only_for_what_has_a_health_check_or_ends(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, waited in service.get("depends_on", {}).items():
            target = compose["services"][name]
            if waited["condition"] == "service_healthy":
                assert "healthcheck" in target
            else:
                assert target["restart"] == "no"


def test_the_redis_of_compose_keeps_what_it_is_given(compose: dict[str, Any]) -> None:
    command = compose["services"]["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--aclfile"] == "/run/secrets/users.acl"
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_databases_models_and_files_of_schedules_are_on_volumes(compose: dict[str, Any]) -> None:
    volumes = [volume for one in compose["services"].values() for volume in one.get("volumes", ())]
    mounted = {volume.partition(":")[0] for volume in volumes}
    lasting = {place for place in mounted if not place.startswith("./")}
    assert (
        lasting
        == {"redis", "postgres", "models", "files", "uploads", "prometheus"}
        == set(compose["volumes"])
    )


def test_deployment_files_hold_no_secret(compose: dict[str, Any]) -> None:
    for variables in environments(compose).values():
        for name, value in variables.items():
            assert not GUARDED.search(name) or value.startswith("/run/secrets"), name
            assert urlsplit(value).password is None, name
    for example in (ROOT / "deploy").rglob("*.example"):
        assert not GUARDED.search("".join(re.findall(r"^(\w+)=", example.read_text("utf-8"), re.MULTILINE)))


def test_a_stopped_worker_has_time_to_release_its_chunk(compose: dict[str, Any]) -> None:
    seconds = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings.model_fields["stop_seconds"].default
    unit = (ROOT / "deploy/systemd/qwenq-worker@.service").read_text("utf-8")
    assert f"TimeoutStopSec={seconds}\n" in unit
    assert "KillMode=mixed\n" in unit


def test_compose_publishes_ports_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for one in compose["services"].values() for port in one.get("ports", ())]
    assert ports == ["127.0.0.1:8000:8000", "127.0.0.1:5555:5555", "127.0.0.1:3000:3000"]


def test_the_cpu_file_removes_the_gpu() -> None:
    worker = merged(BASE, CPU)["services"]["worker"]
    assert "deploy" in load(BASE)["services"]["worker"]
    assert "deploy" not in worker
    assert worker["environment"]["QWENQ_DEVICE"] == "cpu"
    assert worker["environment"]["QWENQ_SECRETS_DIR"] == "/run/secrets"
