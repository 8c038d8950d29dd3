-- Settings of schedules that are set through the API, beside those that meltano.yml gives, and what
-- happens after failures in a row.

-- `given` is what meltano.yml says, `own` what was set through the API: JSON objects that hold only
-- what is said. The columns that were there before say what holds: of `own`, else of `given`, else
-- the defaults. `offset_minutes` is the offset that holds, `drawn_offset` the one that was drawn.
ALTER TABLE schedules ADD COLUMN given text NOT NULL DEFAULT '{}';
ALTER TABLE schedules ADD COLUMN own text NOT NULL DEFAULT '{}';
ALTER TABLE schedules ADD COLUMN drawn_offset bigint NOT NULL DEFAULT 0;

-- How many runs in a row have failed, and after how many (0: never) the schedule is switched off;
-- `paused_cause` is why it was, until somebody switches it.
ALTER TABLE schedules ADD COLUMN pause_after bigint NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN failures bigint NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN paused_cause text;

-- Which of them meltano.yml gave is not known before the next deploy: all of them may have been.
UPDATE schedules SET drawn_offset = offset_minutes, given = '{"timezone":"' || timezone
  || '","overlap":"' || overlap || '","missed":"' || missed || '","retries":' || retries
  || ',"retry_wait":"' || retry_wait || 'ms","run_timeout":"' || run_timeout || 'ms"}';

-- 1: told also to those who want to hear of changes only.
ALTER TABLE notification_events ADD COLUMN told_always bigint NOT NULL DEFAULT 0;

-- Backfills: runs for intervals of a schedule that have gone by, a few at a time. status: running,
-- ended, stopped. `newest_first` says which come first, `parallel` how many go at once. The names of
-- variables and the suffix are those of the template when it was asked for.
CREATE TABLE backfills (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL REFERENCES projects (key),
  deployment_key text NOT NULL REFERENCES deployments (key),
  schedule_key text NOT NULL REFERENCES schedules (key),
  number bigint NOT NULL,
  schedule_name text NOT NULL,
  status text NOT NULL,
  cause text,
  since bigint NOT NULL,
  until bigint NOT NULL,
  newest_first bigint NOT NULL,
  parallel bigint NOT NULL,
  start_variable text NOT NULL,
  end_variable text NOT NULL,
  state_id_suffix text NOT NULL,
  created_by text NOT NULL,
  created_at bigint NOT NULL,
  ended_at bigint,
  UNIQUE (deployment_key, number)
);
CREATE UNIQUE INDEX backfills_running ON backfills (schedule_key) WHERE status = 'running';
CREATE INDEX backfills_ended ON backfills (ended_at) WHERE ended_at IS NOT NULL;

-- Its intervals, in the order in which they are done. status: waiting, open (its run is queued or
-- under way), dropped (the backfill was stopped), or the final status of its run.
CREATE TABLE backfill_intervals (
  backfill_key text NOT NULL REFERENCES backfills (key) ON DELETE CASCADE,
  number bigint NOT NULL,
  begins_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  status text NOT NULL,
  run_id text,
  PRIMARY KEY (backfill_key, number)
);
CREATE INDEX backfill_intervals_by_run ON backfill_intervals (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX runs_queued_backfill ON runs (due_at, id)
  WHERE status = 'queued' AND triggered_by = 'backfill';
-- The history of a schedule has the runs of its backfills by its name.
CREATE INDEX runs_of_backfills ON runs (organization_key, deployment_key, queued_at, id)
  WHERE triggered_by = 'backfill';
