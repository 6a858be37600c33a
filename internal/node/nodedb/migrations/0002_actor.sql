-- What a node shows for an account in the network of ActivityPub servers, as a desk
-- brought it, and what was posted to its inbox. A day, never a time; no address, no user agent.

CREATE TABLE actor_file (
    path     TEXT PRIMARY KEY,
    document BLOB NOT NULL,
    hash     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE actor_letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: a desk forgets by it
    name   TEXT NOT NULL,                     -- of the account
    kind   TEXT NOT NULL,
    sender TEXT NOT NULL,                     -- as it says itself; nobody has checked it
    letter BLOB NOT NULL,
    hash   TEXT NOT NULL UNIQUE,
    day    TEXT NOT NULL
) STRICT;
CREATE INDEX actor_letter_sender ON actor_letter (name, sender, kind);
