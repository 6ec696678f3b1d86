"""Calls of every route that names an object: in its path, in `after`, or in its body."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from httpx2 import Client, Response

_METHODS = {"get", "post", "put", "patch", "delete", "head"}
_BODIES = {"input_file_id": "file_id", "part_ids": "part_id"}
"""Fields of bodies that name objects, and whose ids they hold."""
_BATCH = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


@dataclass(frozen=True)
class Call:
    """A request that names objects. `must_miss`: the answer is 404 unless the caller has them."""

    method: str
    route: str
    url: str
    must_miss: bool
    more: Mapping[str, Any] = field(default_factory=dict)

    def sent(self, client: Client, headers: Mapping[str, str]) -> Response:
        """Send it."""
        return client.request(self.method, self.url, headers=headers, **self.more)


def routes_of(application: FastAPI) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The method, path and description of every route."""
    for path, methods in application.openapi()["paths"].items():
        for method, described in methods.items():
            if method in _METHODS:
                yield method.upper(), path, described


def calls_of(application: FastAPI, ids: Mapping[str, str]) -> list[Call]:
    """The calls of every route that names an object, with these ids. A KeyError: teach this what a new name is."""
    calls = []
    for method, path, described in routes_of(application):
        names = [name.partition(":")[0] for name in re.findall(r"{(.*?)}", path)]
        if "model" in names:
            continue
        url = path.format(**{name: ids[name] for name in names})
        body = json.dumps(described.get("requestBody", {}))
        given = {name: ids[whose] for name, whose in _BODIES.items() if name in body}
        more: dict[str, Any] = {}
        if given:
            more["json"] = {**_BATCH, **given}
            if "part_ids" in given:
                more["json"]["part_ids"] = [given["part_ids"]]
        elif "multipart" in body and names:
            more["files"] = {"data": b"{}"}
        if names or given:
            calls.append(Call(method, path, url, bool(names), more))
        if any(one["name"] == "after" for one in described.get("parameters", ())):
            whose = "batch_id" if path.startswith("/v1/batches") else "file_id"
            calls.append(Call(method, path, f"{url}?after={ids[whose]}", must_miss=True))
    return calls


def nobodys(ids: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same length that nobody has."""
    return {name: value[:-6] + "zzzzzz" for name, value in ids.items()}
