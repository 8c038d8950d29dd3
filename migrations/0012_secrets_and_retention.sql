-- How a secret is given and where its value comes from, and how long each organization keeps what.

-- kind: secret (never shown, masked), plain (readable), reference (`sealed` says where the value is
-- found when a run starts). as_file: the variable holds the path of a file that holds the value.
ALTER TABLE secrets ADD COLUMN kind text NOT NULL DEFAULT 'secret';
ALTER TABLE secrets ADD COLUMN as_file bigint NOT NULL DEFAULT 0;

-- What an organization chose itself; NULL: what the server's operator chose. Milliseconds, but
-- state_versions; audit 0: for ever.
CREATE TABLE retention (
  organization_key text NOT NULL PRIMARY KEY REFERENCES organizations (key),
  logs bigint,
  runs bigint,
  state_versions bigint,
  deliveries bigint,
  audit bigint
);

-- What is old is looked for by organization now.
DROP INDEX runs_ended;
CREATE INDEX runs_ended ON runs (organization_key, ended_at) WHERE ended_at IS NOT NULL;
DROP INDEX runs_with_log;
CREATE INDEX runs_with_log ON runs (organization_key, ended_at) WHERE log_kept = 1;
DROP INDEX notification_events_old;
CREATE INDEX notification_events_old ON notification_events (organization_key, created_at);
DROP INDEX audit_by_time;
