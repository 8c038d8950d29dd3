-- A deployment or project that was deleted stays, without its name, while its history is kept: its
-- slug is then the old one, "~" and a number. A release may be asked for though nothing changed
-- (forced); status has the word unchanged too: nothing was to be deployed.

ALTER TABLE projects ADD COLUMN deleted_at bigint;
ALTER TABLE deployments ADD COLUMN deleted_at bigint;
ALTER TABLE releases ADD COLUMN forced bigint NOT NULL DEFAULT 0;

-- Files that a run left and its project asked to keep; they lie in the log store, in the folder of
-- the attempt (lease_token) that left them. `fault` says why one was not kept.
CREATE TABLE run_artifacts (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  path text NOT NULL,
  bytes bigint NOT NULL,
  lease_token bigint NOT NULL,
  fault text,
  PRIMARY KEY (run_id, path)
);
