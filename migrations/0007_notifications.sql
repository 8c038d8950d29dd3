-- Who is told what, what happened that somebody may be told, and each message with its attempts.
-- An event is written with what it tells of, in one transaction; all that follows from it can be
-- killed and done again (docs/design/notifications.md).

-- type: webhook, email. Empty project_key and deployment_key: of the whole organization, of all
-- deployments. `secret` is sealed. The row is also the recipient's queue: `next_at` is when its
-- next message is due, `worker` who holds it, under `claim_token`, until `claim_ends`; before
-- `held_until` the recipient wants nothing. `inactive_reason` says why `active` is 0.
CREATE TABLE notifications (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL,
  deployment_key text NOT NULL,
  type text NOT NULL,
  recipient text NOT NULL,
  recipient_hash text NOT NULL,
  format text NOT NULL,
  filters text NOT NULL,
  only_on_change bigint NOT NULL,
  wants_late bigint NOT NULL,
  secret text,
  secret_version bigint NOT NULL,
  active bigint NOT NULL,
  inactive_reason text,
  next_at bigint,
  held_until bigint,
  worker text,
  claim_token bigint NOT NULL,
  claim_ends bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  UNIQUE (organization_key, project_key, deployment_key, recipient_hash)
);
CREATE INDEX notifications_due ON notifications (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notifications_claimed ON notifications (worker) WHERE worker IS NOT NULL;

-- What happened, in the words of then: names may change, and what they name may go. kind: job_run,
-- deploy, credits_low, test. `once` names what is told once only. `handled` is 1 when its messages
-- were made; an event that nobody wanted goes then.
CREATE TABLE notification_events (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  project_key text NOT NULL,
  deployment_key text NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  run_id text NOT NULL,
  schedule_name text,
  tasks text NOT NULL,
  project_name text NOT NULL,
  deployment_name text NOT NULL,
  cause text,
  cancel_code text,
  once text UNIQUE,
  handled bigint NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX notification_events_open ON notification_events (id) WHERE handled = 0;
CREATE INDEX notification_events_old ON notification_events (created_at);

-- One message to one recipient. status: waiting, delivered, failed, dropped (the notification was
-- switched off), gathered (told in the message `gathered_in`). told: the status that it tells.
-- `tries` count since it was made or sent anew, `attempts` all. `gathers` is 1 where others may be
-- gathered in it.
CREATE TABLE notification_deliveries (
  id text NOT NULL PRIMARY KEY,
  notification_id text NOT NULL REFERENCES notifications (id),
  event_id text NOT NULL REFERENCES notification_events (id),
  recipient_hash text NOT NULL,
  status text NOT NULL,
  told text NOT NULL,
  gathers bigint NOT NULL,
  gathered_in text,
  tries bigint NOT NULL,
  attempts bigint NOT NULL,
  next_at bigint,
  created_at bigint NOT NULL,
  ended_at bigint,
  UNIQUE (event_id, recipient_hash)
);
CREATE INDEX notification_deliveries_due ON notification_deliveries (notification_id, next_at, id)
  WHERE status = 'waiting';
CREATE INDEX notification_deliveries_log ON notification_deliveries (notification_id, created_at, id);
CREATE INDEX notification_deliveries_gathered ON notification_deliveries (gathered_in)
  WHERE gathered_in IS NOT NULL;

CREATE TABLE notification_attempts (
  delivery_id text NOT NULL REFERENCES notification_deliveries (id),
  number bigint NOT NULL,
  started_at bigint NOT NULL,
  took bigint NOT NULL,
  status_code bigint,
  error text,
  PRIMARY KEY (delivery_id, number)
);
