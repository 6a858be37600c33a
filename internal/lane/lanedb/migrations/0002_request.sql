-- Service requests. No address, no user agent, no contact in the clear; days, never times.

CREATE TABLE request (
    id         INTEGER PRIMARY KEY, -- grows with time: every list is ordered by it
    directory  INTEGER NOT NULL REFERENCES directory (version), -- by which it was routed
    category   TEXT    NOT NULL,
    language   TEXT    NOT NULL,
    words      TEXT    NOT NULL,    -- as the citizen wrote it
    answers    TEXT    NOT NULL,    -- JSON: question id to answer
    area       TEXT    NOT NULL,
    lat        INTEGER,             -- what everybody may see of the place, in millionths of a degree
    lon        INTEGER,
    visibility TEXT    NOT NULL,
    open       INTEGER NOT NULL,    -- 1 while some assignment is open
    day        TEXT    NOT NULL
) STRICT;
CREATE INDEX request_near ON request (category, open, lat);
CREATE INDEX request_area ON request (category, open, area, id);

CREATE TABLE request_place (        -- the exact point, apart, so that no list can show it by mistake
    request INTEGER PRIMARY KEY REFERENCES request (id),
    lat     INTEGER NOT NULL,
    lon     INTEGER NOT NULL
) STRICT;

CREATE TABLE holder (               -- who holds a code comes back to the request; the code is not kept
    hash    TEXT    NOT NULL PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES request (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE assignment (           -- one for each authority on a request
    number    INTEGER PRIMARY KEY,
    request   INTEGER NOT NULL REFERENCES request (id),
    authority TEXT    NOT NULL,     -- '': nobody is named yet
    state     TEXT    NOT NULL,
    day       TEXT    NOT NULL,     -- since when
    step      INTEGER NOT NULL      -- counts its moves: whoever moves it must have seen the last
) STRICT;
CREATE INDEX assignment_request ON assignment (request);
CREATE INDEX assignment_authority ON assignment (authority, state, number);

CREATE TABLE event (                -- appended only; each hash covers the one before
    request INTEGER NOT NULL REFERENCES request (id),
    number  INTEGER NOT NULL,
    body    TEXT    NOT NULL,       -- canonical JSON
    hash    TEXT    NOT NULL,       -- SHA-256 of body
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
