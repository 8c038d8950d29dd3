-- People: what an invoice needs, tokens that may less than their holders, accounts of programs,
-- invitations by link, and the audit log.

ALTER TABLE organizations ADD COLUMN billing_name text;
ALTER TABLE organizations ADD COLUMN billing_address text;
ALTER TABLE organizations ADD COLUMN billing_email text;

-- What a token may at most (a role; NULL: what its holder may), and what it reaches (NULL: all).
-- No foreign keys: a token whose project or deployment is gone is none any more.
ALTER TABLE tokens ADD COLUMN role text;
ALTER TABLE tokens ADD COLUMN project_key text;
ALTER TABLE tokens ADD COLUMN deployment_key text;
CREATE INDEX tokens_by_holder ON tokens (organization_key, user_key);
CREATE INDEX members_by_user ON members (user_key);

-- A user that is a program, of one organization. The login of its row in users is its key.
CREATE TABLE service_accounts (
  user_key text NOT NULL PRIMARY KEY REFERENCES users (key),
  organization_key text NOT NULL REFERENCES organizations (key),
  name text NOT NULL,
  created_at bigint NOT NULL,
  UNIQUE (organization_key, name)
);

-- Each can be accepted once, by who has the token of which this is the hash.
CREATE TABLE invitations (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL REFERENCES organizations (key),
  hash text NOT NULL UNIQUE,
  role text NOT NULL,
  email text,
  invited_by text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  accepted_at bigint,
  accepted_by text,
  revoked_at bigint
);
CREATE INDEX invitations_by_organization ON invitations (organization_key, created_at, id);

-- Who changed what, when, from where. Rows are added, and removed when they are older than the
-- operator wants; nothing changes one. Names as they were then: what they name may be gone. actor:
-- of user, service_account, admin (the command on the server's machine), server. `before` and
-- `after` are JSON objects without secrets.
CREATE TABLE audit (
  id text NOT NULL PRIMARY KEY,
  organization_key text NOT NULL,
  at bigint NOT NULL,
  actor_kind text NOT NULL,
  actor text NOT NULL,
  token text,
  peer text,
  request_id text,
  action text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  thing_id text,
  project text,
  deployment text,
  before text,
  after text
);
CREATE INDEX audit_by_organization ON audit (organization_key, at, id);
CREATE INDEX audit_by_time ON audit (at);
