-- What the open lane keeps. It is a database of its own: nothing of the sealed lane is in it, no key is shared.

CREATE TABLE directory (        -- every version that was ever in force, so that a case can cite its own
    version INTEGER PRIMARY KEY,
    place   TEXT    NOT NULL,   -- the directory's id
    digest  TEXT    NOT NULL,   -- SHA-256 over its files
    day     TEXT    NOT NULL    -- of the import
) STRICT;

CREATE TABLE directory_text (   -- one file's text, kept once for all versions that have it
    hash  TEXT NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE directory_file (
    version INTEGER NOT NULL REFERENCES directory (version),
    name    TEXT    NOT NULL,
    hash    TEXT    NOT NULL REFERENCES directory_text (hash),
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;
