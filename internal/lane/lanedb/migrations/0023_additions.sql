-- Words that holders add to reports, while they wait to be looked at. Let through, they go into the history and leave this table;
-- otherwise they are erased, and the history has the reason.

CREATE TABLE addition (
    number  INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES request (id),
    digest  TEXT    NOT NULL,   -- of the words: the same ones wait once
    words   TEXT    NOT NULL,
    causes  TEXT    NOT NULL,   -- JSON: rules, and what they found
    day     TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX addition_once ON addition (request, digest);
