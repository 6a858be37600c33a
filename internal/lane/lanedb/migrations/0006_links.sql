-- Signed links for authorities. The key is the lane's own, and opens nothing else.

CREATE TABLE link_key (         -- one row
    one   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE link (             -- of assignments whose links were made void
    assignment INTEGER PRIMARY KEY REFERENCES assignment (number),
    generation INTEGER NOT NULL -- links of an earlier one open nothing
) STRICT;

ALTER TABLE delivery ADD COLUMN round INTEGER NOT NULL DEFAULT 0; -- counts how often it was asked for anew
