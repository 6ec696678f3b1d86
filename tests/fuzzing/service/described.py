"""Hold answers against the OpenAPI document: the status is described, and the body is as the document says."""

import json
from typing import Any

from fastapi import FastAPI
from jsonschema_rs import validator_for

from tests.fuzzing.service.calling import Answer
from tests.fuzzing.service.drawn_calls import Call

_JSON = "application/json"


class Described:
    """The document of an application."""

    def __init__(self, application: FastAPI) -> None:
        self._document = application.openapi()
        self._validators: dict[tuple[str, str, int], Any] = {}

    def difference(self, call: Call, answer: Answer) -> str | None:
        """What an answer has that the document does not say; None: nothing, or no route of the document answered."""
        operation = self._document["paths"].get(answer.route, {}).get(call.method.lower())
        if operation is None or call.method.islower():
            return None
        responses = operation["responses"]
        if str(answer.status) not in responses and "default" not in responses:
            return f"the status {answer.status} is not described"
        kinds = responses.get(str(answer.status), responses.get("default")).get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind not in kinds:
            return f"the type {kind!r} is not described"
        if kind != _JSON:
            return None
        key = (answer.route, call.method, answer.status)
        if key not in self._validators:
            schema = {**kinds[_JSON]["schema"], "components": self._document["components"]}
            self._validators[key] = validator_for(schema)
        errors = self._validators[key].iter_errors(json.loads(answer.body))
        return next((f"{error.message} at {error.instance_path}" for error in errors), None)
