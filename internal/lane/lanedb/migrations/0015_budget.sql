-- How much more is taken in this hour, from everybody together, by all processes on this database. An instant is kept
-- here, in whole minutes and for about an hour: what is full again is forgotten.

CREATE TABLE budget (
    name   TEXT    NOT NULL PRIMARY KEY,
    room   INTEGER NOT NULL,    -- in millionths of one
    minute INTEGER NOT NULL     -- since 1970: up to when it was filled
) STRICT, WITHOUT ROWID;
