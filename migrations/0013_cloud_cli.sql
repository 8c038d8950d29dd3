-- The cloud CLI: sign-ins by a browser, and requests that the server prepared for one use.

-- SHA-256 of the cookie of the browser in which its holder signed in: signing out there revokes it.
ALTER TABLE tokens ADD COLUMN browser text;
CREATE INDEX tokens_by_browser ON tokens (browser) WHERE browser IS NOT NULL;

-- What was signed for one use and has been used, until it expires by itself.
CREATE TABLE used_tickets (
  id text NOT NULL PRIMARY KEY,
  expires_at bigint NOT NULL
);
CREATE INDEX used_tickets_old ON used_tickets (expires_at);
