"""What machines share: the SQL store, and the broker that announces its chunks. Every query of qwenq is here.

A document's life, deed by deed:

    begin a job                     begin_job                       life/half_jobs.py
    keep its lease while storing    renew, check_held               life/half_jobs.py
    insert rows                     insert_rows                     life/documents.py
    insert chunks                   insert_chunks                   life/chunks.py
    let the job run                 queue_job                       life/half_jobs.py
    announce its chunks             announce_job                    broker/reconcile.py
    choose the next job             next_job                        views/work/next_job.py
    claim a chunk                   claim_chunk, claim_next         life/claims.py
    read what it has to answer      assignment_of                   views/work/assignments.py
    find earlier answers            earlier_answers                 views/answers/earlier.py
    hold the fence, renew           hold_fence                      life/claims.py
    write outcomes                  insert_outcomes                 outcomes/outcomes.py
    write answers to parts          insert_parts                    outcomes/parts.py
    write measurements              insert_batches                  outcomes/batches.py
    find idle workers               count_idle                      views/fleet/idle.py
    give away what has not begun    share_rest                      life/sharing.py
    finish, release or drop         finish_chunk, release_chunk, drop_chunk     life/claims.py
    end the job                     end_job_if_done                 life/jobs.py
    rescue expired claims           rescue_expired                  life/rescue.py
    announce again what was lost     reconcile                       broker/reconcile.py
    pause, resume                   pause_job, resume_job           life/pausing.py
    cancel                          cancel_job                      life/cancelling.py
    retry failed documents          retry_failed                    life/retrying.py
    read results and errors         results_of, errors_of           views/answers/results.py
    remove the job                  remove                          life/removal.py

Folders say what code may do: `views/` only reads; `life/`, `outcomes/` and `schedules/` write; `conditions.py` states
what a waiting chunk, an expired lease or a document without an outcome is; `templates.py` keeps prompt templates.
docs/internals/ has a page on claims and one on the store.
"""
