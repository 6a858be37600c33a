-- What a node keeps besides bytes. Days, never times; no address, no user agent.

CREATE TABLE piece (            -- of an upload that is not committed yet
    upload TEXT NOT NULL,
    hash   TEXT NOT NULL,
    size   INTEGER NOT NULL,
    day    TEXT NOT NULL,       -- of the last time it was sent
    PRIMARY KEY (upload, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX piece_hash ON piece (hash);

CREATE TABLE parcel (
    number INTEGER PRIMARY KEY, -- in the order of arrival
    id     TEXT NOT NULL UNIQUE,
    size   INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    idx    BLOB NOT NULL,       -- the index, as it is
    day    TEXT NOT NULL
) STRICT;

CREATE TABLE parcel_piece (
    hash   TEXT NOT NULL,
    parcel INTEGER NOT NULL REFERENCES parcel (number) ON DELETE CASCADE,
    PRIMARY KEY (hash, parcel)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcel_piece_parcel ON parcel_piece (parcel);

CREATE TABLE slot (             -- of a mailbox; nothing says whether it is a real reply
    prefix   TEXT NOT NULL,
    position INTEGER NOT NULL,
    sealed   BLOB NOT NULL,
    sha256   TEXT NOT NULL,
    day      TEXT NOT NULL,
    PRIMARY KEY (prefix, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (           -- of the current edition: all of it is public
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    document BLOB NOT NULL
) STRICT;

CREATE VIRTUAL TABLE record_words USING fts5 (words, content='', contentless_delete=1);
