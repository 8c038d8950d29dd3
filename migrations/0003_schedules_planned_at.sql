-- When, by the clock of then, a schedule's next fire was set. One that lies ahead of the present
-- tells that the clock has been set back since, so that the schedule may wait for a fire far off.

ALTER TABLE schedules ADD COLUMN planned_at bigint;
CREATE INDEX schedules_planned ON schedules (planned_at) WHERE planned = 1;
