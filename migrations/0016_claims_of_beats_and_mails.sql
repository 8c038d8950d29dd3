-- What several servers do once: an organization's heartbeat, and the mail of an invitation.

-- When the URL was last asked: the server that enters it asks.

ALTER TABLE organizations ADD COLUMN heartbeat_at bigint;
