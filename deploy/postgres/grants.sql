-- What each role may do with each table. Run it as qwenq_owner after every `qwenq db upgrade`:
--     psql "$OWNER_URL" --file=grants.sql
-- Until then, new tables are open to their owner and to qwenq_beat alone. roles.sql explains the roles.

BEGIN;

-- Begin anew, so that nothing granted by an earlier version stays.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM qwenq_beat, qwenq_producer, qwenq_api, qwenq_worker, qwenq_flower;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM qwenq_beat, qwenq_producer, qwenq_api, qwenq_worker, qwenq_flower;

-- Beat makes jobs of schedules, rescues and prunes.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO qwenq_beat;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO qwenq_beat;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO qwenq_beat;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO qwenq_beat;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM qwenq_beat;

-- Everybody checks the version, and reads and claims jobs.
GRANT SELECT ON alembic_version, jobs, documents, workers, chunks, results, failures, batches, parts
    TO qwenq_producer, qwenq_worker, qwenq_flower;
GRANT UPDATE (state, error_code, error_message) ON documents TO qwenq_producer, qwenq_worker, qwenq_flower;
GRANT INSERT, UPDATE ON chunks TO qwenq_producer, qwenq_worker, qwenq_flower;
GRANT USAGE ON SEQUENCE chunks_id_seq TO qwenq_producer, qwenq_worker, qwenq_flower;
GRANT UPDATE (state, started_at, finished_at, paused_from, idle_since, idle_seconds, revision, weights_digest) ON jobs
    TO qwenq_producer, qwenq_worker, qwenq_flower;
GRANT UPDATE (last_change, changed_by, changed_at, mixed_weights) ON jobs TO qwenq_producer, qwenq_flower;

-- Producers store jobs, rescue, and remove jobs that a killed submit left half stored.
GRANT SELECT ON schedules, schedule_runs, notices TO qwenq_producer, qwenq_flower;
GRANT SELECT (job_id, made_at) ON job_notices TO qwenq_producer, qwenq_flower;
GRANT INSERT ON job_notices TO qwenq_producer;
GRANT INSERT, DELETE ON jobs, documents TO qwenq_producer;
GRANT SELECT, INSERT ON templates TO qwenq_producer;
GRANT UPDATE (params, first_params, run_key, idempotency_key, input_digest, holder, holder_expires_at) ON jobs TO qwenq_producer;
GRANT DELETE ON results TO qwenq_producer;
GRANT USAGE ON SEQUENCE jobs_id_seq TO qwenq_producer;
GRANT SELECT ON usage TO qwenq_producer; -- for reports, and for the bounds of tenants

-- The HTTP service does what producers do, for tenants. It cannot make a key, or change what it noted in the audit.
GRANT SELECT ON tenants, api_keys, files, api_batches TO qwenq_api;
GRANT UPDATE (name) ON tenants, files TO qwenq_api; -- only to lock a row
GRANT SELECT (tenant, url, created_at) ON tenant_webhooks TO qwenq_api; -- beat alone signs
GRANT INSERT, DELETE ON notices TO qwenq_api;
GRANT UPDATE (last_used_at) ON api_keys TO qwenq_api;
GRANT INSERT, DELETE ON files TO qwenq_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON uploads, upload_parts TO qwenq_api;
GRANT INSERT, UPDATE, DELETE ON api_batches TO qwenq_api;
GRANT INSERT, SELECT (id) ON audit TO qwenq_api;
GRANT USAGE ON SEQUENCE uploads_number_seq, upload_parts_number_seq TO qwenq_api;
GRANT USAGE ON SEQUENCE files_number_seq, api_batches_number_seq, audit_id_seq, notices_id_seq TO qwenq_api;

-- Who retries a job keeps how its documents failed before, and has beat deliver and notify again.
GRANT INSERT ON failures TO qwenq_producer, qwenq_flower;
GRANT UPDATE (deliver_at) ON schedule_runs TO qwenq_producer, qwenq_flower;
GRANT UPDATE (made_at) ON job_notices TO qwenq_producer, qwenq_flower;

-- Flower's pages begin runs, and change when a schedule is due; not what beat reads, writes or posts to.
GRANT INSERT (schedule_id, due_at, state, created_at, begun_by, repeats_due_at) ON schedule_runs TO qwenq_flower;
GRANT USAGE ON SEQUENCE schedule_runs_id_seq TO qwenq_flower;
GRANT UPDATE (state, cron, timezone, next_due_at) ON schedules TO qwenq_flower;
-- With these, its page edits the rest of a schedule too. Set QWENQ_INPUT_ROOTS and QWENQ_OUTPUT_ROOTS of beat first.
-- GRANT UPDATE (request, policy) ON schedules TO qwenq_flower;
-- GRANT SELECT ON templates TO qwenq_flower;

-- Workers answer. An answer is never changed; its fingerprint goes over to a later copy of it. A part may be computed
-- again.
GRANT INSERT, UPDATE ON workers, parts TO qwenq_worker;
GRANT SELECT, INSERT, UPDATE ON usage TO qwenq_worker;
GRANT INSERT ON results, batches TO qwenq_worker;
GRANT UPDATE (fingerprint) ON results TO qwenq_worker;
GRANT USAGE ON SEQUENCE workers_id_seq, batches_id_seq TO qwenq_worker;

COMMIT;
