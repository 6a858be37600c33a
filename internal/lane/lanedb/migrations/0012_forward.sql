-- Parts of requests that were handed on to an Open311 endpoint, and what it called them.

CREATE TABLE forward (
    assignment INTEGER PRIMARY KEY REFERENCES assignment (number),
    endpoint   TEXT    NOT NULL,
    token      TEXT    NOT NULL,    -- asked for until there is a reference
    reference  TEXT    NOT NULL,    -- the endpoint's id; '' while there is none
    due        INTEGER NOT NULL,    -- when it is to be asked next
    lease      INTEGER NOT NULL,
    owner      TEXT    NOT NULL
) STRICT;
CREATE INDEX forward_due ON forward (due);
