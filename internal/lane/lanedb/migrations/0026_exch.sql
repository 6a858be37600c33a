-- The day on which a case was taken over, by which other systems are told of it: its own day may lie years back.

ALTER TABLE imported ADD COLUMN day TEXT NOT NULL DEFAULT '';
UPDATE imported SET day = (SELECT e.day FROM event e WHERE e.request = imported.request AND e.number = 1);
CREATE INDEX imported_day ON imported (day, request);
