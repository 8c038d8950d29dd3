-- The network of an organization's runs (host, isolated; NULL: by the number of organizations), and
-- what a run sent where its network was its own.

ALTER TABLE organizations ADD COLUMN network text;
ALTER TABLE runs ADD COLUMN egress_bytes bigint;
