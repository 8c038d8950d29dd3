-- A run that failed, took too long or was lost may be tried again. Its row is the present attempt
-- (attempt, of most_attempts); run_attempts has those before, and goes with the run. While it waits,
-- due_at is when the next attempt may start, and fire_due_at keeps when the run itself was due (NULL:
-- never tried again). Times to wait are milliseconds.

ALTER TABLE schedules ADD COLUMN retries bigint NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN retry_wait bigint NOT NULL DEFAULT 30000;

ALTER TABLE runs ADD COLUMN most_attempts bigint NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN retry_wait bigint NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN fire_due_at bigint;

-- Those that ended while they waited for an attempt: nobody has closed their logs.
CREATE INDEX runs_open_logs ON runs (id)
  WHERE attempt > 1 AND log_lines IS NULL AND log_kept = 1 AND ended_at IS NOT NULL;

-- status: failed, timed_out, lost.
CREATE TABLE run_attempts (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt bigint NOT NULL,
  status text NOT NULL,
  exit_code bigint,
  exit_signal bigint,
  cause text,
  started_at bigint,
  ended_at bigint NOT NULL,
  peak_memory bigint,
  cpu_time bigint,
  egress_bytes bigint,
  PRIMARY KEY (run_id, attempt)
);
