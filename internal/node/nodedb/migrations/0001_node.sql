-- What a node keeps besides bytes. Days, never times; no address, no user agent.

CREATE TABLE piece (            -- whose bytes are durable
    slot INTEGER PRIMARY KEY,   -- where they lie
    hash TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL
) STRICT;

CREATE TABLE upload (           -- that is not committed yet
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    day    TEXT NOT NULL        -- of the last time something came
) STRICT;

CREATE TABLE upload_piece (
    upload INTEGER NOT NULL REFERENCES upload (number) ON DELETE CASCADE,
    slot   INTEGER NOT NULL REFERENCES piece (slot),
    PRIMARY KEY (upload, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_piece_slot ON upload_piece (slot);

CREATE TABLE parcel (           -- whole; waits for the desk
    number INTEGER PRIMARY KEY, -- in the order of arrival
    id     TEXT NOT NULL UNIQUE,
    upload TEXT NOT NULL,       -- under which it came
    size   INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    idx    BLOB NOT NULL,       -- the index, as it is
    day    TEXT NOT NULL
) STRICT;
CREATE INDEX parcel_upload ON parcel (upload);

CREATE TABLE parcel_piece (
    parcel INTEGER NOT NULL REFERENCES parcel (number) ON DELETE CASCADE,
    slot   INTEGER NOT NULL REFERENCES piece (slot),
    PRIMARY KEY (parcel, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcel_piece_slot ON parcel_piece (slot);

CREATE TABLE forgotten (        -- parcels that the desk has; so that a commit sent again is answered again
    id  TEXT PRIMARY KEY,
    day TEXT NOT NULL,          -- of the commit
    at  TEXT NOT NULL           -- day of the forgetting
) STRICT, WITHOUT ROWID;

CREATE TABLE reply_slot (       -- of a mailbox; nothing here says whether a reply in it is real
    prefix   TEXT NOT NULL,
    position INTEGER NOT NULL,
    sealed   BLOB NOT NULL,
    hash     TEXT NOT NULL,
    until    TEXT NOT NULL,     -- day on which it is replaced
    PRIMARY KEY (prefix, position)
) STRICT;
CREATE INDEX reply_slot_until ON reply_slot (until);

CREATE TABLE record (           -- of the current edition: all of it is public
    number   INTEGER PRIMARY KEY,
    document BLOB NOT NULL
) STRICT;

CREATE VIRTUAL TABLE record_words USING fts5 (words, content='', contentless_delete=1);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
