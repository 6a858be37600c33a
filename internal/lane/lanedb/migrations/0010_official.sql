-- How the collective reaches a holder, and the second track: a formal appeal. No name, no address and no number
-- of an authority's stands here in the clear.

CREATE TABLE contact (
    request INTEGER PRIMARY KEY REFERENCES request (id),
    day     TEXT    NOT NULL,
    sealed  BLOB    NOT NULL    -- an age file to the people of the collective
) STRICT;

CREATE TABLE entrusted (        -- letters that the collective is to send; gone once it says that it did
    number  INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES request (id),
    step    TEXT    NOT NULL,   -- which letter of the road
    body    TEXT    NOT NULL,   -- to which authority of the directory; '': one that the holder named
    day     TEXT    NOT NULL,
    sealed  BLOB    NOT NULL
) STRICT;
CREATE INDEX entrusted_request ON entrusted (request);

CREATE TABLE appeal_event (     -- appended only; each hash covers the one before
    request INTEGER NOT NULL REFERENCES request (id),
    number  INTEGER NOT NULL,
    body    TEXT    NOT NULL,   -- canonical JSON
    hash    TEXT    NOT NULL,   -- SHA-256 of body
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
