"""Every exception that qwenq raises on purpose. This one file may be longer than others.

    QwenqError
    ├── UsageError                  exit 2: the person can correct it
    │   ├── InvalidSetting
    │   ├── UntrustedSettingsFile
    │   ├── UntrustedHome
    │   ├── InvalidParameter
    │   ├── UnstorableText
    │   ├── InvalidTemplate
    │   ├── UnknownTemplate
    │   ├── TemplateChanged
    │   ├── UnknownColumn
    │   ├── UnreadableInput
    │   ├── UnknownProtocol
    │   ├── OutsideRoots
    │   ├── UnknownFormat
    │   ├── NothingFound
    │   ├── TooManyInputs
    │   ├── InputTooLarge
    │   ├── SubmitterLimit
    │   ├── NoGoodRow
    │   ├── OutputNotWritable
    │   ├── MissingExtra
    │   ├── MissingPackage
    │   ├── HomeInUse
    │   ├── NoStoreHere
    │   ├── UnknownJob
    │   ├── UnknownDocument
    │   ├── JobNotCancellable
    │   ├── JobGivenUp
    │   ├── IdempotencyMismatch
    │   ├── JobNotPausable
    │   ├── JobNotPaused
    │   ├── JobNotRetryable
    │   ├── NothingToRetry
    │   ├── InvalidCron
    │   ├── UnknownTimezone
    │   ├── ScheduleExists
    │   ├── UnknownSchedule
    │   ├── ScheduleRemoved
    │   ├── UnknownRun
    │   ├── RunNotDeliverable
    │   ├── RunNotStarted
    │   ├── CannotListen
    │   ├── UnguardedFlower
    │   ├── WeakPassword
    │   ├── NoFlowerAddress
    │   ├── UnguardedService
    │   ├── TenantExists
    │   ├── TenantInUse
    │   ├── UnknownTenant
    │   ├── UnknownKey
    │   ├── IdempotencyConflict
    │   ├── TenantErasing
    │   ├── BatchNotDeletable
    │   ├── BatchNotChangeable
    │   ├── BatchNotCancellable
    │   ├── UploadNotPending
    │   └── BoundReached
    ├── ServiceAway                 exit 3: a service outside must come back
    │   ├── StoreAway
    │   ├── RowsLost
    │   ├── BrokerAway
    │   ├── FilesAway
    │   ├── StoreNotCreated
    │   ├── StoreVersionMismatch
    │   ├── ServiceFailed
    │   ├── WorkerGaveUp
    │   ├── EngineBroken
    │   ├── SelfCheckFailed
    │   ├── WeightsChanged
    │   └── ModelUnavailable
    ├── TenantStillBusy             workers hold documents of a tenant that is erased
    ├── LinesGone                   a download ends early, so that its reader notices
    ├── BatchLost                   another process holds the batch
    ├── WaitTimeout                 a program waited for a job, and it has not ended
    ├── WorkerBroke                 exit 70: a fresh process may do better
    │   ├── ConsumerDied
    │   └── WorkerDeaf
    ├── RequestsForgotten           the engine's fault; its process ends
    ├── StoreWorkFailed             stands for an unforeseen error of work on the store
    ├── TurnFailed                  stands for an unforeseen error of a task
    ├── ConfinedProcessKilled       a call went beyond its limits, or crashed its confined process
    │   ├── ConfinedProcessLate     it went beyond its time
    │   └── ConfinedProcessNotStarted
    ├── ConfinedCallFailed          stands for what a call raised in its confined process
    ├── DocumentFailed              one document fails; its neighbours go on
    │   ├── InvalidRow              code invalid_row
    │   ├── InvalidOverride         code invalid_parameter
    │   ├── UnreadableDocument      code unreadable_document
    │   ├── UnknownKind             code unknown_kind
    │   ├── PromptFailed            code template_error
    │   ├── EmptyPrompt             code empty_prompt
    │   ├── EmptyDocument           code empty_prompt
    │   ├── InvalidText             code invalid_text
    │   ├── PromptTooLong           code too_long
    │   ├── LimitTooHigh            code too_long
    │   ├── OwnLimitTooHigh         code too_long
    │   ├── NoRoomForParts          code too_long
    │   ├── NoRoomToMerge           code too_long
    │   ├── InvalidSchema           code invalid_schema
    │   ├── IncompleteJson          code incomplete_json
    │   ├── InvalidAnswer           code invalid_answer
    │   ├── NoAnswer                code no_answer
    │   ├── OutOfMemory             code out_of_memory
    │   └── GenerationFailed        code generation_error
    └── ChunkInterrupted            a worker gives a chunk up, on purpose
        ├── LeaseLost
        └── WorkerStopping

An exception's docstring is its message; its fields fill in the facts.
"""

import inspect
from dataclasses import dataclass, fields
from typing import Any, ClassVar


class QwenqError(Exception):
    """Something went wrong in qwenq."""

    exit_code: ClassVar[int] = 2

    def __str__(self) -> str:
        return inspect.cleandoc(type(self).__doc__ or "").replace("\n", " ").format(**self.facts)

    @property
    def facts(self) -> dict[str, Any]:
        """The exception's fields by name."""
        if not hasattr(self, "__dataclass_fields__"):
            return {}
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def reason_of(error: Exception) -> str:
    """What the system or a library says is wrong: one line, to stand in a sentence that names the file already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _rebuild(kind: type[QwenqError], facts: dict[str, Any]) -> QwenqError:
    return kind(**facts)


class UsageError(QwenqError):
    """The command cannot be carried out as it was given."""


@dataclass(eq=False)
class InvalidSetting(UsageError):
    """{name} is not valid: {reason}. Correct its option, or set it in the environment or in qwenq.toml; `qwenq check`
    tries all settings.
    """

    name: str
    reason: str


@dataclass(eq=False)
class UntrustedSettingsFile(UsageError):
    """{name} is refused: {reason}. {remedy}, or remove it and set QWENQ_ variables in the environment."""

    name: str
    reason: str
    remedy: str


@dataclass(eq=False)
class UntrustedHome(UsageError):
    """The home folder {home} is refused: {reason}. Set QWENQ_HOME to a folder of your own."""

    home: str
    reason: str


@dataclass(eq=False)
class InvalidParameter(UsageError):
    """{name}: {reason}."""

    name: str
    reason: str


class UnstorableText(UsageError):
    """A text holds a NUL character, or a byte that is not UTF-8 (half of a surrogate pair). No store keeps these."""


@dataclass(eq=False)
class InvalidTemplate(UsageError):
    """The prompt template is not valid Jinja2 (line {line}): {reason}."""

    line: int
    reason: str


@dataclass(eq=False)
class UnknownTemplate(UsageError):
    """There is no template named {name!r}. There are: {known}."""

    name: str
    known: str


@dataclass(eq=False)
class TemplateChanged(UsageError):
    """Somebody else saved the template {name!r} at the same moment. Look at it with `qwenq templates show {name}`, then
    save again.
    """

    name: str


@dataclass(eq=False)
class UnknownColumn(UsageError):
    """{source} has no column {column!r}. It has: {columns}. Use one of these in the template, or name the text column
    with --text-column and the id column with --id-column.
    """

    source: str
    column: str
    columns: str


@dataclass(eq=False)
class UnreadableInput(UsageError):
    """{source} cannot be read: {reason}."""

    source: str
    reason: str


@dataclass(eq=False)
class UnknownProtocol(UsageError):
    """{url} is not opened: qwenq reads and writes paths, and file://, s3://, s3a://, gs:// and gcs:// URLs without ::.
    If it is a file on the web, download it first, as with `curl -L -o FILE URL`, and name FILE instead.
    """

    url: str


@dataclass(eq=False)
class OutsideRoots(UsageError):
    """{name} lies outside of {setting} ({roots}). Choose a place in there, or add its folder to the setting of beat."""

    name: str
    setting: str
    roots: str


@dataclass(eq=False)
class UnknownFormat(UsageError):
    """The name of {source} does not show its format. Give it with --format: {known}."""

    source: str
    known: str


@dataclass(eq=False)
class NothingFound(UsageError):
    """There is no file at {source}: nothing matches the pattern, or the folder is empty. Put files there, or correct
    the name.
    """

    source: str


@dataclass(eq=False)
class TooManyInputs(UsageError):
    """There are {count:,} inputs; a job takes at most {most:,}. Submit them as several jobs. Files that are one
    document each (text, HTML, PDF, Word) count as one input when a folder or a quoted pattern names them together.
    """

    count: int
    most: int


@dataclass(eq=False)
class InputTooLarge(UsageError):
    """{source}, line {line:,}: {reached}. {setting} sets this limit. Nothing of the job was stored. Leave this file
    out, submit it as several jobs, or raise the limit.
    """

    source: str
    line: int
    reached: str
    setting: str


@dataclass(eq=False)
class SubmitterLimit(UsageError):
    """{submitter} has {count:,} {what} already. {setting} sets this limit. Nothing was stored. Wait until some have
    ended, cancel some with `qwenq cancel`, or raise the limit.
    """

    submitter: str
    count: int
    what: str
    setting: str


@dataclass(eq=False)
class NoGoodRow(UsageError):
    """{source} holds no usable document: {reason}. Nothing was stored."""

    source: str
    reason: str


@dataclass(eq=False)
class OutputNotWritable(UsageError):
    """{path} cannot be written: {reason}."""

    path: str
    reason: str


@dataclass(eq=False)
class MissingExtra(UsageError):
    """{what} needs packages that are not installed. Install them: pip install '{requirement}'."""

    what: str
    requirement: str


@dataclass(eq=False)
class MissingPackage(UsageError):
    """{what} needs the package {package}, which is not installed. Install it: pip install {package}."""

    what: str
    package: str


@dataclass(eq=False)
class HomeInUse(UsageError):
    """Another qwenq process is using {home}: the same `qwenq run`, or `qwenq up`. Wait for it, or stop it first."""

    home: str


@dataclass(eq=False)
class NoStoreHere(UsageError):
    """There are no jobs here: the store {path} does not exist. Go to the folder where `qwenq up` or `qwenq submit` ran,
    or set QWENQ_HOME to its home folder. `qwenq submit` and `qwenq schedule add` make a new store.
    """

    path: str


@dataclass(eq=False)
class UnknownJob(UsageError):
    """There is no job {job_id} in {store}. `qwenq status` lists the jobs."""

    job_id: int
    store: str


@dataclass(eq=False)
class UnknownDocument(UsageError):
    """Job {job_id} has no document with the id {custom_id!r}. It has, among others: {ids}."""

    job_id: int
    custom_id: str
    ids: str


@dataclass(eq=False)
class JobNotCancellable(UsageError):
    """Job {job_id} is {state} and can no longer be cancelled."""

    job_id: int
    state: str


@dataclass(eq=False)
class JobNotPausable(UsageError):
    """Job {job_id} is {state}: only a queued or running job can be paused."""

    job_id: int
    state: str


@dataclass(eq=False)
class JobNotPaused(UsageError):
    """Job {job_id} is {state}, not paused: there is nothing to resume."""

    job_id: int
    state: str


@dataclass(eq=False)
class JobNotRetryable(UsageError):
    """Job {job_id} is {state}: {remedy}."""

    job_id: int
    state: str
    remedy: str


@dataclass(eq=False)
class NothingToRetry(UsageError):
    """Job {job_id} has no document to retry{among}: {reason}."""

    job_id: int
    among: str
    reason: str


@dataclass(eq=False)
class JobGivenUp(UsageError):
    """Job {job_id} was removed while it was being stored: this process did not renew its lease within
    QWENQ_LEASE_SECONDS, so another command took it for dead. Nothing of the job will run. Submit it again.
    """

    job_id: int


@dataclass(eq=False)
class IdempotencyMismatch(UsageError):
    """Job {job_id} already has the idempotency key {key!r}, and differs in: {differences}. Give a different request a
    different key, or repeat the first request unchanged.
    """

    job_id: int
    key: str
    differences: str


@dataclass(eq=False)
class InvalidCron(UsageError):
    """The cron line {line!r} is not valid: {reason}. It has five fields: "0 2 * * *" is every night at 2 o'clock,
    "*/15 8-17 * * MON-FRI" every quarter of an hour in working hours.
    """

    line: str
    reason: str


@dataclass(eq=False)
class UnknownTimezone(UsageError):
    """There is no time zone {name!r}. Give an IANA name, such as Europe/Warsaw or UTC."""

    name: str


@dataclass(eq=False)
class ScheduleExists(UsageError):
    """There is already a schedule {name!r}. Change it with `qwenq schedule edit {name}`, or choose another name."""

    name: str


@dataclass(eq=False)
class UnknownSchedule(UsageError):
    """There is no schedule {name!r} in {store}. `qwenq schedule list` lists them."""

    name: str
    store: str


@dataclass(eq=False)
class ScheduleRemoved(UsageError):
    """The schedule {name!r} was removed. `qwenq schedule show {name}` shows its runs, and `qwenq schedule add {name}`
    adds it again, with this history.
    """

    name: str


@dataclass(eq=False)
class UnknownRun(UsageError):
    """There is no run {run_id} in {store}. `qwenq schedule show NAME` shows a schedule's runs."""

    run_id: int
    store: str


@dataclass(eq=False)
class RunNotDeliverable(UsageError):
    """The answers of run {run_id} cannot be delivered now: {reason}."""

    run_id: int
    reason: str


@dataclass(eq=False)
class RunNotStarted(UsageError):
    """Run {run_id} of schedule {name!r} was not submitted: {reason}. `qwenq schedule show {name}` shows more."""

    name: str
    run_id: int
    reason: str


@dataclass(eq=False)
class CannotListen(UsageError):
    """Cannot listen at {address}, port {port}: {reason}. Choose another {option} or --address, or stop what listens
    there.
    """

    address: str
    port: int
    reason: str
    option: str = "--port"


@dataclass(eq=False)
class UnguardedFlower(UsageError):
    """Flower would be open to everyone who can reach {address}. Set QWENQ_FLOWER_AUTH=user:password, or use --address
    127.0.0.1.
    """

    address: str


@dataclass(eq=False)
class WeakPassword(UsageError):
    """{name}: {whose} has fewer than {least} characters, and others can reach {address}. Choose a longer one; `qwenq
    flower --hash-password` hashes it.
    """

    whose: str
    name: str
    least: int
    address: str


@dataclass(eq=False)
class NoFlowerAddress(UsageError):
    """No Flower without QWENQ_FLOWER_AUTH was started in the home folder {home}. Start one with `qwenq flower` or
    `qwenq up`, or set QWENQ_HOME to its home folder.
    """

    home: str


@dataclass(eq=False)
class UnguardedService(UsageError):
    """The service would be open to everyone who can reach {address}. Create a key first (`qwenq keys create`), or use
    --address 127.0.0.1 without --proxies.
    """

    address: str


@dataclass(eq=False)
class TenantExists(UsageError):
    """The tenant {name} exists already. `qwenq tenants set` changes it."""

    name: str


@dataclass(eq=False)
class TenantInUse(UsageError):
    """The tenant {name} cannot be removed: it is {reason}."""

    name: str
    reason: str


@dataclass(eq=False)
class TenantErasing(UsageError):
    """The tenant {name} is being erased. `qwenq tenants remove {name} --erase` goes on with it."""

    name: str


@dataclass(eq=False)
class TenantStillBusy(QwenqError):
    """Tenant {name}: a worker holds documents of job {job_id} and has not given them back within {seconds} s.

    Its keys and most of its work are gone. `qwenq tenants remove {name} --erase` goes on with the rest.
    """

    name: str
    job_id: int
    seconds: float


@dataclass(eq=False)
class UnknownTenant(UsageError):
    """There is no tenant {name}. `qwenq tenants list` shows all; `qwenq tenants add` adds one."""

    name: str


@dataclass(eq=False)
class UnknownKey(UsageError):
    """There is no key {id} that could be revoked. `qwenq keys list` shows all."""

    id: int


@dataclass(eq=False)
class IdempotencyConflict(UsageError):
    """Conflict: the idempotency key '{key}' was previously used with different parameters. Give a different request
    a key of its own.
    """

    key: str


@dataclass(eq=False)
class BatchNotCancellable(UsageError):
    """Cannot cancel the batch {batch_id} with status '{state}'."""

    batch_id: str
    state: str


@dataclass(eq=False)
class UploadNotPending(UsageError):
    """The upload {upload_id} is {state}: it takes no more parts. Create another one."""

    upload_id: str
    state: str


@dataclass(eq=False)
class BatchNotDeletable(UsageError):
    """Cannot delete the batch {batch_id} with status '{state}'."""

    batch_id: str
    state: str


@dataclass(eq=False)
class BoundReached(UsageError):
    """This {whose} may have at most {most:,} {what}. {advice}."""

    whose: str
    what: str
    most: int
    advice: str
    seconds: float | None = None


@dataclass(eq=False)
class BatchNotChangeable(UsageError):
    """Cannot {change} a batch {reason}."""

    change: str
    reason: str


class ServiceAway(QwenqError):
    """A service that qwenq needs is away."""

    exit_code = 3


@dataclass(eq=False)
class StoreAway(ServiceAway):
    """The store at {url} does not answer as it should: {reason}. {remedy}."""

    url: str
    reason: str
    remedy: str = "Start it, or correct QWENQ_DATABASE_URL"


class RowsLost(ServiceAway):
    """The store lost rows of this job that it had accepted; a crash of the server may do that. Nothing of the job is
    kept. Submit it again.
    """


@dataclass(eq=False)
class FilesAway(ServiceAway):
    """The storage of files at {url} cannot be used: {reason}. Correct QWENQ_FILES_URL, or free space there."""

    url: str
    reason: str


@dataclass(eq=False)
class BrokerAway(ServiceAway):
    """The broker at {url} does not answer as it should: {reason}. {remedy}."""

    url: str
    reason: str
    remedy: str = "Start it (`qwenq up` starts the embedded one), or correct QWENQ_BROKER_URL"


@dataclass(eq=False)
class StoreNotCreated(ServiceAway):
    """The store at {url} has no tables yet. Run `qwenq db upgrade` to create them."""

    url: str


@dataclass(eq=False)
class StoreVersionMismatch(ServiceAway):
    """The store at {url} has version {found}; this qwenq needs version {needed}. {remedy}"""

    url: str
    found: str
    needed: str
    remedy: str


@dataclass(eq=False)
class ServiceFailed(ServiceAway):
    """{service} stopped or did not start: {reason}. Its log: {log}."""

    service: str
    reason: str
    log: str


@dataclass(eq=False)
class WorkerGaveUp(ServiceAway):
    """The worker stopped. Nothing is lost: its documents will be answered again. {reason}"""

    reason: str


@dataclass(eq=False)
class ModelUnavailable(ServiceAway):
    """The model {model} cannot be loaded: {reason}."""

    model: str
    reason: str


@dataclass(eq=False)
class EngineBroken(ServiceAway):
    """The engine cannot start on this machine: {reason}."""

    reason: str


@dataclass(eq=False)
class SelfCheckFailed(ServiceAway):
    """The model {model} was loaded, but a short test generation failed: {reason}. {advice}."""

    model: str
    reason: str
    advice: str


@dataclass(eq=False)
class WeightsChanged(ServiceAway):
    """The weights of the model {model} changed while job {job_id} ran, and its answers so far are of other weights. The
    same command begins anew; with --mixed-weights it goes on.
    """

    model: str
    job_id: int


@dataclass(eq=False)
class RequestsForgotten(QwenqError):
    """The engine ended without completing {count} of its requests, in chunks {groups}."""

    count: int
    groups: str


@dataclass(eq=False)
class StoreWorkFailed(QwenqError):
    """Work on the store failed with an unforeseen error, {kind}; the worker's log says where."""

    kind: str


@dataclass(eq=False)
class LinesGone(QwenqError):
    """The lines of the batch {batch_id} were removed while they were read."""

    batch_id: str


@dataclass(eq=False)
class BatchLost(QwenqError):
    """Another process holds the batch {batch_id}, since the lease of this one ran out."""

    batch_id: str


@dataclass(eq=False)
class WaitTimeout(QwenqError, TimeoutError):
    """Job {job_id} is {state} after {seconds:g} seconds; documents done: {done:,} of {total:,}. It goes on: wait
    again, or stop it with cancel.
    """

    job_id: int
    state: str
    seconds: float
    done: int
    total: int


class WorkerBroke(QwenqError):
    """A worker is of no use any more."""

    exit_code = 70


@dataclass(eq=False)
class ConsumerDied(WorkerBroke):
    """The process stopped taking messages from the broker: {reason}. Nothing is lost. Start it again; if that does not
    help, report this with its log.
    """

    reason: str


@dataclass(eq=False)
class WorkerDeaf(WorkerBroke):
    """The worker was idle for {seconds} seconds while chunks of its model waited ({chunks}) and messages lay in its
    queue. Nothing is lost. Start it again.
    """

    seconds: int
    chunks: int


class TurnFailed(QwenqError):
    """A task failed with an unforeseen error; the worker's log says where. Its chunk will be answered again."""


@dataclass(eq=False)
class ConfinedProcessKilled(QwenqError):
    """The confined process {reason}."""

    reason: str


@dataclass(eq=False)
class ConfinedProcessLate(ConfinedProcessKilled):
    """The confined process {reason}."""


@dataclass(eq=False)
class ConfinedProcessNotStarted(ConfinedProcessKilled):
    """A process that reads foreign bytes {reason}. Look for what keeps new processes of Python from starting here: no
    memory, too many processes, or an installation that changed meanwhile.
    """


@dataclass(eq=False)
class ConfinedCallFailed(QwenqError):
    """The confined process failed: {reason}."""

    reason: str


class DocumentFailed(QwenqError):
    """One document cannot be answered."""

    code: ClassVar[str] = "error"


@dataclass(eq=False)
class InvalidRow(DocumentFailed):
    """The row cannot be used: {reason}."""

    code = "invalid_row"
    reason: str


@dataclass(eq=False)
class InvalidOverride(DocumentFailed):
    """One of the row's own parameters cannot be used: {reason}."""

    code = "invalid_parameter"
    reason: str


@dataclass(eq=False)
class UnreadableDocument(DocumentFailed):
    """The file cannot be read as a document: {reason}."""

    code = "unreadable_document"
    reason: str


@dataclass(eq=False)
class UnknownKind(DocumentFailed):
    """The file cannot be read: {reason}."""

    code = "unknown_kind"
    reason: str


@dataclass(eq=False)
class PromptFailed(DocumentFailed):
    """The prompt cannot be rendered: {reason}."""

    code = "template_error"
    reason: str


class EmptyPrompt(DocumentFailed):
    """The rendered prompt is empty: there is nothing to answer."""

    code = "empty_prompt"


@dataclass(eq=False)
class EmptyDocument(DocumentFailed):
    """The document is empty: {reason}."""

    code = "empty_prompt"
    reason: str


@dataclass(eq=False)
class InvalidText(DocumentFailed):
    """The prompt holds text that is not valid Unicode: {reason}."""

    code = "invalid_text"
    reason: str


@dataclass(eq=False)
class PromptTooLong(DocumentFailed):
    """The prompt has {prompt_tokens} tokens and the answer may have {max_new_tokens}; together they exceed the model's
    context of {context}. Shorten the document, lower --max-new-tokens, or use --on-overflow truncate or split.
    """

    code = "too_long"
    prompt_tokens: int
    max_new_tokens: int
    context: int


@dataclass(eq=False)
class LimitTooHigh(DocumentFailed):
    """The answer may have {max_new_tokens} tokens. The model's context of {context} has no room for that beside any
    prompt: lower --max-new-tokens.
    """

    code = "too_long"
    max_new_tokens: int
    context: int


@dataclass(eq=False)
class OwnLimitTooHigh(DocumentFailed):
    """The row's own max_tokens is {max_new_tokens}, and its prompt has {prompt_tokens} tokens; together they exceed the
    model's context of {context}. Lower max_tokens in the row to {room} at most, or remove it, so that --max-new-tokens
    holds.
    """

    code = "too_long"
    prompt_tokens: int
    max_new_tokens: int
    context: int
    room: int


@dataclass(eq=False)
class NoRoomForParts(DocumentFailed):
    """The document is too long, and the prompt leaves no room for a part of it: without the document it has
    {prompt_tokens} tokens, the answer may have {max_new_tokens}, and the model's context is {context}. Shorten the
    prompt, or lower --max-new-tokens.
    """

    code = "too_long"
    prompt_tokens: int
    max_new_tokens: int
    context: int


@dataclass(eq=False)
class NoRoomToMerge(DocumentFailed):
    """The answers to the document's {parts} parts cannot be merged: two of them and an answer of {max_new_tokens}
    tokens do not fit into the model's context of {context}. Lower --max-new-tokens, or max_tokens in
    the row, or shorten the merge prompt.
    """

    code = "too_long"
    parts: int
    max_new_tokens: int
    context: int


@dataclass(eq=False)
class InvalidSchema(DocumentFailed):
    """The JSON schema cannot be used: {reason}."""

    code = "invalid_schema"
    reason: str


@dataclass(eq=False)
class IncompleteJson(DocumentFailed):
    """The answer reached {tokens} tokens before its JSON was complete. Raise --max-new-tokens, or limit the schema's
    strings and arrays (maxLength, maxItems).
    """

    code = "incomplete_json"
    tokens: int


@dataclass(eq=False)
class InvalidAnswer(DocumentFailed):
    """The answer is JSON that does not satisfy the schema, also when it was tried again with sampling: {reason}. Say in
    the prompt what this keyword asks for, or change the schema.
    """

    code = "invalid_answer"
    reason: str


@dataclass(eq=False)
class NoAnswer(DocumentFailed):
    """There is no answer, and one is required: {reason}."""

    code = "no_answer"
    reason: str


@dataclass(eq=False)
class OutOfMemory(DocumentFailed):
    """This document alone does not fit into the device's memory: it has {tokens} tokens, with the longest answer
    allowed. Shorten it, lower --max-new-tokens, or use a smaller or quantized model.
    """

    code = "out_of_memory"
    tokens: int


@dataclass(eq=False)
class GenerationFailed(DocumentFailed):
    """The engine failed on this document: {reason}."""

    code = "generation_error"
    reason: str


class ChunkInterrupted(QwenqError):
    """The chunk was given up before its end."""


@dataclass(eq=False)
class LeaseLost(ChunkInterrupted):
    """Attempt {attempt} lost the lease of chunk {chunk_id}: another worker may have claimed it."""

    chunk_id: int
    attempt: int


@dataclass(eq=False)
class WorkerStopping(ChunkInterrupted):
    """The worker was asked to stop ({reason}): its chunks are given back."""

    reason: str
