-- What an organization wants to be pinged while the scheduler lives, and which invitations were mailed.

ALTER TABLE organizations ADD COLUMN heartbeat_url text;
ALTER TABLE invitations ADD COLUMN mailed_at bigint;
