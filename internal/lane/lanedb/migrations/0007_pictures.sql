-- Pictures of requests: only what was cleaned has a line here. The bytes lie in a store of their own, by hash.

CREATE TABLE picture_file (         -- one file of the store
    hash    TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of its bytes
    size    INTEGER NOT NULL,
    state   TEXT    NOT NULL,       -- coming: maybe not whole yet; kept; going: is being erased
    claimed INTEGER NOT NULL        -- of one that is going: when somebody last began to erase it, in microseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_file_state ON picture_file (state);

CREATE TABLE picture (              -- a cleaned picture and its small one
    hash         TEXT    NOT NULL PRIMARY KEY REFERENCES picture_file (hash),
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    small        TEXT    NOT NULL REFERENCES picture_file (hash),
    small_width  INTEGER NOT NULL,
    small_height INTEGER NOT NULL,
    used         INTEGER NOT NULL,  -- 0: of a draft that was not sent
    day          TEXT    NOT NULL   -- on which it was last brought
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_small ON picture (small);
CREATE INDEX picture_unused ON picture (used, day);

CREATE TABLE picture_use (          -- which event of a request brought it, and what it shows
    request INTEGER NOT NULL REFERENCES request (id),
    event   INTEGER NOT NULL,
    place   INTEGER NOT NULL,       -- among those of the event
    hash    TEXT    NOT NULL REFERENCES picture (hash),
    role    TEXT    NOT NULL,       -- before, after, proof
    PRIMARY KEY (request, event, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_use_hash ON picture_use (hash);
