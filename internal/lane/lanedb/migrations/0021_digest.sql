-- The daily letter to an authority whose people have accounts: that something waits, in numbers. One row for each
-- authority and day, so that none is written twice; nothing of a report is in it, and no instant once it is over.

CREATE TABLE digest (
    authority  TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    state      TEXT    NOT NULL,    -- waiting, sent, dropped (nothing waited, or the next day came)
    tries      INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    lease      INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    fault      TEXT    NOT NULL,    -- why the last try failed
    fault_args TEXT    NOT NULL,
    PRIMARY KEY (authority, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX digest_due ON digest (state, due);

CREATE TABLE digest_off (           -- whose people want none
    authority TEXT   NOT NULL PRIMARY KEY,
    day       TEXT   NOT NULL
) STRICT, WITHOUT ROWID;
