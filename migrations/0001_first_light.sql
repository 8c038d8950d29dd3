-- The first schema: who owns what, what is deployed, what is due, what ran, what it left.
-- Times are milliseconds since 1970 (UTC); flags are 0 or 1; *_key columns never leave the server.

CREATE TABLE settings (
  name text NOT NULL PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE organizations (
  key text NOT NULL PRIMARY KEY,
  id text NOT NULL UNIQUE,
  name text NOT NULL UNIQUE,
  account_number text NOT NULL UNIQUE,
  created_at bigint NOT NULL
);

CREATE TABLE users (
  key text NOT NULL PRIMARY KEY,
  login text NOT NULL UNIQUE,
  password_hash text,
  created_at bigint NOT NULL
);

CREATE TABLE members (
  organization_key text NOT NULL REFERENCES organizations (key),
  user_key text NOT NULL REFERENCES users (key),
  role text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (organization_key, user_key)
);

CREATE TABLE tokens (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  user_key text NOT NULL REFERENCES users (key),
  name text NOT NULL,
  hash text NOT NULL UNIQUE,
  created_at bigint NOT NULL,
  last_used_at bigint,
  expires_at bigint,
  revoked_at bigint
);

CREATE TABLE projects (
  key text NOT NULL PRIMARY KEY,
  id text NOT NULL UNIQUE,
  organization_key text NOT NULL REFERENCES organizations (key),
  name text NOT NULL,
  slug text NOT NULL,
  repository text NOT NULL,
  directory text NOT NULL,
  created_at bigint NOT NULL,
  UNIQUE (organization_key, slug)
);

-- status: deploying, live, failed. `release_key` is the live release, which a failed deploy keeps.
CREATE TABLE deployments (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL REFERENCES projects (key),
  name text NOT NULL,
  slug text NOT NULL,
  environment text NOT NULL,
  revision text NOT NULL,
  status text NOT NULL,
  release_key text,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  UNIQUE (project_key, slug)
);

-- status: queued, building, live, retired, failed. `content` is what the parsed project says
-- (environment, schedules, jobs, plugin environments), `lock` the frozen resolutions: JSON both.
-- `files_kept` is 1 until its checkout and log were cleaned up.
CREATE TABLE releases (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL REFERENCES projects (key),
  deployment_key text NOT NULL REFERENCES deployments (key),
  number bigint NOT NULL,
  status text NOT NULL,
  refresh_plugins bigint NOT NULL,
  commit_hash text,
  content text,
  lock text,
  plan text,
  error text,
  files_kept bigint NOT NULL,
  worker text,
  lease_ends bigint,
  created_at bigint NOT NULL,
  live_at bigint,
  ended_at bigint,
  UNIQUE (deployment_key, number)
);
CREATE INDEX releases_open ON releases (created_at) WHERE ended_at IS NULL AND live_at IS NULL;

-- One row for each schedule that a deployment ever had; `present` says whether the live release
-- has it. `due_at` and `due_nominal` are the next fire, NULL while none is awaited; `planned` says
-- whether they are what switch and interval want.
CREATE TABLE schedules (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL REFERENCES projects (key),
  deployment_key text NOT NULL REFERENCES deployments (key),
  name text NOT NULL,
  interval text NOT NULL,
  timezone text NOT NULL,
  offset_minutes bigint NOT NULL,
  present bigint NOT NULL,
  enabled bigint NOT NULL,
  enabled_at bigint,
  interval_since bigint NOT NULL,
  overlap text NOT NULL,
  missed text NOT NULL,
  run_timeout bigint NOT NULL,
  state_ids text NOT NULL,
  planned bigint NOT NULL,
  due_at bigint,
  due_nominal bigint,
  created_at bigint NOT NULL,
  UNIQUE (deployment_key, name)
);
CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX schedules_unplanned ON schedules (key) WHERE planned = 0 AND enabled = 1 AND present = 1;

-- A fire of a schedule cannot happen twice: its nominal time is part of the key.
-- outcome: run, skipped_overlap, missed. After a long outage one row stands for `count` missed fires.
CREATE TABLE fires (
  schedule_key text NOT NULL REFERENCES schedules (key),
  nominal bigint NOT NULL,
  due bigint NOT NULL,
  outcome text NOT NULL,
  run_id text,
  count bigint NOT NULL,
  noticed_at bigint NOT NULL,
  PRIMARY KEY (schedule_key, nominal)
);
CREATE INDEX fires_by_time ON fires (nominal);

-- status: queued, starting, running, stopping, succeeded, failed, cancelled, timed_out, lost,
-- skipped. `lease_token` grows with each claim; who holds an older one cannot write. `ended_at` is
-- NULL until the status is final. No foreign keys: each would cost an index on the largest table;
-- who deletes a deployment deletes its runs.
CREATE TABLE runs (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL,
  project_key text NOT NULL,
  deployment_key text NOT NULL,
  release_key text,
  schedule_key text,
  schedule_name text,
  tasks text NOT NULL,
  triggered_by text NOT NULL,
  status text NOT NULL,
  scheduled_at bigint,
  due_at bigint NOT NULL,
  queued_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  deadline bigint NOT NULL,
  exit_code bigint,
  exit_signal bigint,
  out_of_memory bigint NOT NULL,
  peak_memory bigint,
  cpu_time bigint,
  attempt bigint NOT NULL,
  stands_for bigint NOT NULL,
  cause text,
  cancel_code text,
  sandbox text,
  options text NOT NULL,
  state_ids text NOT NULL,
  run_timeout bigint NOT NULL,
  stop_requested_at bigint,
  worker text,
  lease_token bigint NOT NULL,
  lease_ends bigint,
  log_lines bigint,
  log_kept bigint NOT NULL
);
CREATE INDEX runs_queue ON runs (due_at, id) WHERE status = 'queued';
CREATE INDEX runs_open ON runs (worker, id) WHERE status IN ('starting', 'running', 'stopping');
CREATE INDEX runs_unfinished ON runs (deployment_key, schedule_key) WHERE ended_at IS NULL;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_with_log ON runs (ended_at) WHERE log_kept = 1;
-- Lists, newest first: of an organization, and by each filter that can be rare in it.
CREATE INDEX runs_by_organization ON runs (organization_key, queued_at, id);
CREATE INDEX runs_by_project ON runs (organization_key, project_key, queued_at, id);
CREATE INDEX runs_by_deployment ON runs (organization_key, deployment_key, queued_at, id);
CREATE INDEX runs_by_schedule ON runs (organization_key, schedule_key, queued_at, id)
  WHERE schedule_key IS NOT NULL;
CREATE INDEX runs_by_status ON runs (organization_key, status, queued_at, id)
  WHERE status = 'queued' OR status = 'starting' OR status = 'running' OR status = 'stopping'
     OR status = 'failed' OR status = 'cancelled' OR status = 'timed_out' OR status = 'lost'
     OR status = 'skipped';

-- The state ids that a run which has not ended needs, so that one who waits for a state id that is
-- held can be told from one who may start.
CREATE TABLE run_state_ids (
  run_id text NOT NULL,
  project_key text NOT NULL,
  state_id text NOT NULL,
  PRIMARY KEY (run_id, state_id)
);

-- What a run has for itself alone while it goes; the row is the lock. `scope` is a project's key
-- for a state id of it (in `name`), or a schedule's key where its runs must not overlap.
CREATE TABLE run_locks (
  scope text NOT NULL,
  name text NOT NULL,
  run_id text NOT NULL,
  taken_at bigint NOT NULL,
  PRIMARY KEY (scope, name)
);
CREATE INDEX run_locks_by_run ON run_locks (run_id);

-- Versions of Singer state. While a run goes, its version is rewritten; when it ended it is final.
-- origin: run, set, restored. `payload` is {"completed": …, "partial": …}.
CREATE TABLE states (
  project_key text NOT NULL REFERENCES projects (key),
  state_id text NOT NULL,
  version bigint NOT NULL,
  organization_key text NOT NULL REFERENCES organizations (key),
  payload text NOT NULL,
  origin text NOT NULL,
  run_id text,
  final bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (project_key, state_id, version)
);
CREATE INDEX states_open ON states (run_id) WHERE final = 0;

-- A value sealed with the server's key, bound to its owner, name and version. An empty
-- deployment_key means all deployments of the project.
CREATE TABLE secrets (
  key text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL REFERENCES projects (key),
  deployment_key text NOT NULL,
  name text NOT NULL,
  sealed text NOT NULL,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  UNIQUE (project_key, deployment_key, name)
);

-- Answers to posts with an Idempotency-Key, kept for a day.
CREATE TABLE replies (
  organization_key text NOT NULL REFERENCES organizations (key),
  idempotency_key text NOT NULL,
  request_hash text NOT NULL,
  status bigint NOT NULL,
  body text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (organization_key, idempotency_key)
);
