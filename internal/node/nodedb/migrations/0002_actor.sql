-- What a node shows for an account in the network of ActivityPub servers, as a desk
-- brought it, and what was posted to its inbox, sealed. A day, never a time; no address, no user agent.

CREATE TABLE actor_file (
    path     TEXT PRIMARY KEY,
    document BLOB NOT NULL,
    hash     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE actor_letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: a desk forgets by it
    mark   TEXT NOT NULL,                     -- of its kind and sender; says nothing to another process than the one that made it
    sealed BLOB NOT NULL,                     -- to the people of the collective
    day    TEXT NOT NULL
) STRICT;
CREATE INDEX actor_letter_mark ON actor_letter (mark);
