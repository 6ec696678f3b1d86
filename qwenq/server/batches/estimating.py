"""Estimate what a batch would take: its tokens by the model's own tokenizer, its time by what jobs took."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

import orjson

from qwenq.actions.prompt_tokens import PromptTokens
from qwenq.actions.token_estimate import estimated_tokens
from qwenq.producer.batch_lines import batch_rows, check_lines
from qwenq.producer.terms.bounded_rows import bounded_rows, params_within
from qwenq.producer.terms.sanitizing import Sanitized, sanitized_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import DocumentFailed, UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.prompts.templating import PromptTemplate, RenderedDocument
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import BatchFault, BatchRequest
from qwenq.schemas.service.tenants import Caller
from qwenq.server.batches.row_inputs import RowInput, check_rows, fault_of, row_input
from qwenq.server.batches.validating import no_such_input, no_such_model
from qwenq.server.known_models import known_models
from qwenq.server.objects import Estimate, Fault, Faults
from qwenq.server.service import Service
from qwenq.store.files.stored_files import find_file
from qwenq.store.tenants.tenants import find_tenant
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive
from qwenq.store.views.jobs.measured_speed import measured_speed


def estimate(service: Service, caller: Caller, wanted: BatchRequest) -> Estimate:
    """Estimate a batch that the caller may create. Raises FilesAway, StoreAway."""
    found = Estimate(input_file_id=wanted.input_file_id, endpoint=wanted.endpoint, model=None, errors=None)
    with service.store.reading() as connection:
        file = find_file(connection, caller, wanted.input_file_id)
        known = known_models(connection, service.settings)
        sanitizes = find_tenant(connection, caller.tenant).sanitizes
    if file is None:
        return _failed(found, [no_such_input(wanted.input_file_id)])
    bounds = caller.bounds.narrower(caller.tenant_bounds)
    most = bounds.batch_lines or sys.maxsize
    rows: RowInput | None = None
    with ExitStack() as ends:
        try:
            if wanted.rows is None:
                endpoint = Endpoint(wanted.endpoint)
                checked = check_lines(service.storage.blocks(file.id), endpoint, most)
                spec = JobSpec(model=checked.model or "-", params=params_within(bounds.max_tokens))
            else:
                fields = orjson.loads(wanted.rows)
                rows = ends.enter_context(
                    row_input(service.storage, service.settings, file, fields, None, bounds.max_tokens)
                )
                checked, spec = check_rows(rows, most), rows.spec
            found = found.model_copy(update={"model": checked.model})
            if not checked.faults and spec.model not in known:
                checked.faults.append(no_such_model(spec.model, is_line=rows is None))
            if checked.faults:
                return _failed(found, checked.faults)
            documents: Iterable[Row] = (
                batch_rows(service.storage.blocks(file.id)) if rows is None else rows.open()
            )
            if sanitizes:
                documents = sanitized_rows(documents, Sanitized())
            counted = _Counted(spec, service.settings.context)
            counted.add(bounded_rows(documents, bounds.document_chars, bounds.max_tokens))
        except UsageError as error:
            fault = BatchFault("invalid_request", str(error)) if rows is None else fault_of(error, rows.path)
            return _failed(found, [fault])
    return _with_time(service, caller, counted.filled(found))


@dataclass(slots=True)
class _Counted:
    """Counts rows, and the tokens of their prompts and answers."""

    spec: JobSpec
    context: int | None
    requests: int = 0
    rejected: int = 0
    too_long: int = 0
    input_tokens: int = 0
    max_output_tokens: int = 0
    _tokens: dict[bool, PromptTokens] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Count all rows. Raises what reading and rendering raise."""
        template = PromptTemplate.from_spec(self.spec.prompt)
        for rendered in template.render_all(self._contents(rows)):
            if isinstance(rendered, DocumentFailed):
                self.rejected += 1
            else:
                self._add(rendered)

    def filled(self, found: Estimate) -> Estimate:
        """The estimate with these counts."""
        is_exact = bool(self._tokens) and all(one.is_exact for one in self._tokens.values())
        return found.model_copy(
            update={
                "requests": self.requests,
                "rejected": self.rejected,
                "too_long": self.too_long,
                "input_tokens": self.input_tokens,
                "input_tokens_exact": is_exact,
                "max_output_tokens": self.max_output_tokens,
            }
        )

    def _contents(self, rows: Iterable[Row]) -> Iterable[str]:
        for row in rows:
            self.requests += 1
            if isinstance(row, Document):
                yield row.content
            elif isinstance(row, BadRow):
                self.rejected += 1

    def _add(self, rendered: RenderedDocument) -> None:
        params: GenerationParams = self.spec.params.overlaid(rendered.overrides)
        if params.thinking not in self._tokens:
            self._tokens[params.thinking] = PromptTokens(
                self.spec.model, thinking=params.thinking, most_context=self.context
            )
        counter, messages = self._tokens[params.thinking], rendered.prompt.messages
        tokens = (
            counter.count(messages)
            if counter.is_exact
            else estimated_tokens(message.content for message in messages)
        )
        if counter.context is not None and tokens + params.max_new_tokens > counter.context:
            self.too_long += 1
            return
        self.input_tokens += tokens
        self.max_output_tokens += params.max_new_tokens


def _with_time(service: Service, caller: Caller, found: Estimate) -> Estimate:
    """The estimate with the time that it would take, if that was ever measured."""
    model = found.model or ""
    with service.store.reading() as connection:
        speed = measured_speed(connection, model)
        # How long the answers of other tenants are is theirs.
        own = measured_speed(connection, model, caller.tenant)
        workers = count_alive(connection, model, ALIVE_SECONDS)
    if speed is None:
        return found.model_copy(update={"workers": workers})
    answered = found.requests - found.rejected - found.too_long
    likely = None if own is None else min(round(answered * own.answer_tokens), found.max_output_tokens)
    made = found.max_output_tokens if likely is None else likely
    device_seconds = (found.input_tokens + made) / speed.tokens_per_second
    return found.model_copy(
        update={
            "output_tokens": likely,
            "tokens_per_second": round(speed.tokens_per_second, 1),
            "device_seconds": round(device_seconds, 1),
            "workers": workers,
            "seconds": round(device_seconds / workers, 1) if workers else None,
        }
    )


def _failed(found: Estimate, faults: Iterable[BatchFault]) -> Estimate:
    return found.model_copy(update={"errors": Faults(data=[Fault(**asdict(one)) for one in faults])})
