-- Systems of others that speak Open311: their keys, and the day of each event, by which they ask what changed.

CREATE TABLE api_key (
    id        INTEGER PRIMARY KEY,
    hash      TEXT    NOT NULL UNIQUE, -- SHA-256 of the key, which is not kept
    name      TEXT    NOT NULL,
    submit    INTEGER NOT NULL,        -- 1: may send requests
    authority TEXT    NOT NULL,        -- may update what this one has; '': nothing
    per_hour  INTEGER NOT NULL,
    day       TEXT    NOT NULL,
    revoked   TEXT    NOT NULL         -- the day, or ''
) STRICT;

ALTER TABLE event ADD COLUMN day TEXT GENERATED ALWAYS AS (body ->> '$.day') VIRTUAL;
CREATE INDEX event_day ON event (day, request, number) WHERE number > 1; -- the first of each request is the request
CREATE INDEX request_day ON request (day, id);
