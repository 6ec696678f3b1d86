-- Makes qwenq's roles in its database. Run it once, as the server's administrator; running it again changes nothing:
--     psql --dbname=qwenq --file=roles.sql
-- The roles have no password yet: \password qwenq_worker, and so on.
--
-- qwenq_owner      owns the tables: only for `qwenq db upgrade` and grants.sql
-- qwenq_beat       `qwenq beat`, `qwenq schedule`, `qwenq db prune`, `qwenq tenants`, `qwenq keys`: reads and writes rows of every table
-- qwenq_producer   `qwenq submit` and the other commands on jobs: no schedules
-- qwenq_api        `qwenq serve`: as the producer, and files and batches of tenants; reads keys
-- qwenq_worker     `qwenq worker`: claims and answers; no schedules, no prompts, no rows of a job to change or delete
-- qwenq_flower     `qwenq flower`: reads; cancels, pauses, resumes and retries jobs

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['qwenq_owner', 'qwenq_beat', 'qwenq_producer', 'qwenq_api', 'qwenq_worker', 'qwenq_flower'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
    END LOOP;
    GRANT qwenq_producer TO qwenq_api;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT CREATE ON SCHEMA public TO qwenq_owner;
END
$$;
