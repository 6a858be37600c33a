-- Cases of another system that were taken over with its numbers. Nobody told them here: they have no holder and no assignment, and no number counts them.

ALTER TABLE request ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- what that system is called; '': it was told here

CREATE TABLE imported (
    source  TEXT    NOT NULL,
    number  TEXT    NOT NULL,   -- what that system calls the case
    request INTEGER NOT NULL REFERENCES request (id),
    PRIMARY KEY (source, number)
) STRICT, WITHOUT ROWID;
