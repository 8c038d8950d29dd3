-- A lease is told to be over by those who watch it, not by a clock: each server that has runs raises
-- its own beat, and who sees the same beat in many looks on end knows that it is gone. What stood in
-- runs.lease_ends is no longer written.

CREATE TABLE workers (
  worker text NOT NULL PRIMARY KEY,
  beat bigint NOT NULL
);
