-- What several servers do once: an organization's heartbeat, and the mail of an invitation.

-- When the URL was last asked: the server that enters it asks.

ALTER TABLE organizations ADD COLUMN heartbeat_at bigint;

-- An invitation's row is the queue of its one mail. mail_status: waiting, delivered, failed, dropped
-- (accepted, revoked or expired before); null where there was none. `sealed_link` is there while it
-- waits; who holds it has moved `mail_next_at` on, and `mail_tries` is the token of that.
ALTER TABLE invitations ADD COLUMN mail_status text;
ALTER TABLE invitations ADD COLUMN mail_tries bigint NOT NULL DEFAULT 0;
ALTER TABLE invitations ADD COLUMN mail_error text;
ALTER TABLE invitations ADD COLUMN mail_next_at bigint;
ALTER TABLE invitations ADD COLUMN sealed_link text;
CREATE INDEX invitations_to_mail ON invitations (mail_next_at) WHERE mail_next_at IS NOT NULL;
UPDATE invitations SET mail_status = 'delivered' WHERE mailed_at IS NOT NULL;
