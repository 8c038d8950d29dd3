-- Credits: what runs cost, what was bought, and the sums of it (docs/design/credits.md). Amounts are
-- hundredths of a credit, days are counted from 1970-01-01 in UTC.

-- frequent: whether its schedule was when the run first started. credits_*: NULL until the run has
-- ended; credits_egress also where its network was not its own. run_time: how long the program
-- lived, NULL where it never started.
ALTER TABLE runs ADD COLUMN frequent bigint;
ALTER TABLE runs ADD COLUMN credits_base bigint;
ALTER TABLE runs ADD COLUMN credits_run_time bigint;
ALTER TABLE runs ADD COLUMN credits_egress bigint;
ALTER TABLE run_attempts ADD COLUMN run_time bigint;

-- What each run cost that ended a moment ago, until it is summed up in usage_days. No keys of others:
-- a run may be deleted before. An empty schedule_name: of none.
CREATE TABLE run_costs (
  run_id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL,
  project_key text NOT NULL,
  deployment_key text NOT NULL,
  schedule_name text NOT NULL,
  project_name text NOT NULL,
  deployment_name text NOT NULL,
  day bigint NOT NULL,
  ended_at bigint NOT NULL,
  credits_base bigint NOT NULL,
  credits_run_time bigint NOT NULL,
  credits_egress bigint,
  run_time bigint NOT NULL,
  egress_bytes bigint
);
CREATE INDEX run_costs_by_organization ON run_costs (organization_key, day);

-- The same by day and schedule. Kept when runs, schedules, deployments and projects go.
CREATE TABLE usage_days (
  organization_key text NOT NULL,
  day bigint NOT NULL,
  project_key text NOT NULL,
  deployment_key text NOT NULL,
  schedule_name text NOT NULL,
  runs bigint NOT NULL,
  credits_base bigint NOT NULL,
  credits_run_time bigint NOT NULL,
  credits_egress bigint,
  run_time bigint NOT NULL,
  egress_bytes bigint,
  PRIMARY KEY (organization_key, day, project_key, deployment_key, schedule_name)
);

-- The last name of each project and deployment of which there is usage.
CREATE TABLE usage_names (
  key text NOT NULL PRIMARY KEY,
  name text NOT NULL
);

-- An organization's account; no row yet: nothing used, bought or set. `used` sums usage_days,
-- `bought` credit_entries. Below low_threshold, or at it, the organization is told, once: low_told.
-- active_at: when it last bought something, or a run of it ended that cost something.
CREATE TABLE credit_accounts (
  organization_key text NOT NULL PRIMARY KEY REFERENCES organizations (key),
  used bigint NOT NULL,
  bought bigint NOT NULL,
  low_threshold bigint,
  low_told bigint NOT NULL,
  stop_at_zero bigint NOT NULL,
  active_at bigint
);
CREATE INDEX credit_accounts_stopping ON credit_accounts (organization_key) WHERE stop_at_zero = 1;

-- kind: purchase, correction, expired. Rows are added; nothing changes or removes one. entered_by is
-- a name as it was then.
CREATE TABLE credit_entries (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  amount bigint NOT NULL,
  kind text NOT NULL,
  note text NOT NULL,
  entered_by text NOT NULL,
  entered_at bigint NOT NULL
);
CREATE INDEX credit_entries_by_organization ON credit_entries (organization_key, entered_at, id);
