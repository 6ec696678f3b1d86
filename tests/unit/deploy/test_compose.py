"""The Compose files fit the specification, the commands and the settings of this version."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema.validators import validator_for

from qwenq.schemas.settings import ENV_PREFIX, Settings
from tests.unit.deploy.compose import BASE, CPU, ROOT, environments, load, merged, qwenq_services
from tests.unit.docs.command_lines import fenced_commands, read_command

GUARDED = re.compile(r"PASSWORD|AUTH|TOKEN|SECRET|KEY")
FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+(:\?[^}]+|:-)\}")  # required, or empty when nothing is said
STORES = ("postgres", "redis")
MONITORING = ("prometheus", "grafana")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


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
        "flower": "qwenq flower",
    }


def test_every_qwenq_variable_of_the_deployment_is_a_setting() -> None:
    settings = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    texts = [path.read_text("utf-8") for path in (BASE, CPU, ROOT / "Dockerfile")]
    texts += [path.read_text("utf-8") for path in (ROOT / "deploy").rglob("*.example")]
    texts += [path.read_text("utf-8") for path in (ROOT / "deploy").rglob("*.service")]
    for text in texts:
        assert set(re.findall(rf"\b{ENV_PREFIX}[A-Z_]+", text)) <= settings


def test_the_services_of_compose_share_broker_store_and_model(compose: dict[str, Any]) -> None:
    seen = environments(compose)
    for name in ("QWENQ_BROKER_URL", "QWENQ_DATABASE_URL", "QWENQ_MODEL"):
        assert len({seen[service][name] for service in qwenq_services(compose)}) == 1


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
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_databases_and_models_are_on_volumes(compose: dict[str, Any]) -> None:
    volumes = [volume for one in compose["services"].values() for volume in one.get("volumes", ())]
    mounted = {volume.partition(":")[0] for volume in volumes}
    lasting = {place for place in mounted if not place.startswith("./")}
    assert lasting == {"redis", "postgres", "models", "prometheus"} == set(compose["volumes"])


def test_deployment_files_hold_no_secret(compose: dict[str, Any]) -> None:
    for variables in environments(compose).values():
        for name, value in variables.items():
            if GUARDED.search(name) and not name.endswith("__FILE"):
                assert FROM_OUTSIDE.fullmatch(value), name
            assert urlsplit(value).password is None, name
    for example in (ROOT / "deploy").rglob("*.example"):
        for line in example.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            assert line.startswith("#") or not GUARDED.search(name) or not value, line


def test_a_stopped_worker_has_time_to_release_its_chunk(compose: dict[str, Any]) -> None:
    seconds = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings.model_fields["stop_seconds"].default
    unit = (ROOT / "deploy/systemd/qwenq-worker@.service").read_text("utf-8")
    assert f"TimeoutStopSec={seconds}\n" in unit
    assert "KillMode=mixed\n" in unit


def test_compose_publishes_ports_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for one in compose["services"].values() for port in one.get("ports", ())]
    assert ports == ["127.0.0.1:5555:5555", "127.0.0.1:9090:9090", "127.0.0.1:3000:3000"]


def test_the_cpu_file_removes_the_gpu() -> None:
    worker = merged(BASE, CPU)["services"]["worker"]
    assert "deploy" in load(BASE)["services"]["worker"]
    assert "deploy" not in worker
    assert worker["environment"]["QWENQ_DEVICE"] == "cpu"
    assert worker["environment"]["QWENQ_BROKER_URL"] == "redis://redis:6379/0"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_systemd_unit_runs_a_command_that_exists(unit: Path) -> None:
    text = unit.read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    (words,) = fenced_commands(f"```sh\n{line}\n```\n")
    assert read_command(words).command_path == f"qwenq {words[0]}"
