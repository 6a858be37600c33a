-- Reports that wait to be looked at, why, who looks at them, and what became of them.

CREATE TABLE hold (             -- a report that waits, or waited; what it may show lies here until it is let through
    request    INTEGER PRIMARY KEY REFERENCES request (id),
    visibility TEXT    NOT NULL, -- of its category: what it gets when it is let through
    again      INTEGER NOT NULL, -- 1: its holder asked for another look, which is possible once
    since      TEXT    NOT NULL  -- the day since which it waits
) STRICT;

CREATE INDEX hold_since ON hold (since);

CREATE TABLE hold_cause (       -- why it waits
    request INTEGER NOT NULL REFERENCES request (id),
    rule    TEXT    NOT NULL,
    found   TEXT    NOT NULL,   -- what the rule found in it
    PRIMARY KEY (request, rule)
) STRICT, WITHOUT ROWID;

INSERT INTO hold (request, visibility, again, since) SELECT a.request, r.visibility, 0, a.day
    FROM assignment a JOIN request r ON r.id = a.request WHERE a.state = 'awaiting_check';
INSERT INTO hold_cause (request, rule, found) SELECT h.request, CASE h.visibility WHEN 'held' THEN 'category' ELSE 'nobody' END, '' FROM hold h;
CREATE INDEX assignment_check ON assignment (request) WHERE state = 'awaiting_check';

CREATE TABLE checker (          -- who may look, by a signed link that is not kept
    number  INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    last    TEXT NOT NULL,      -- the last day of the link
    revoked TEXT NOT NULL       -- the day, or ''
) STRICT;

CREATE TABLE decision (         -- what was decided; the history names the house alone
    request INTEGER NOT NULL REFERENCES request (id),
    event   INTEGER NOT NULL,   -- number of its event
    checker INTEGER NOT NULL REFERENCES checker (number),
    what    TEXT    NOT NULL,   -- the state that followed
    ground  TEXT    NOT NULL,   -- of a withdrawal
    held    INTEGER NOT NULL,   -- 1: it waited to be looked at
    again   INTEGER NOT NULL,   -- 1: it was another look
    day     TEXT    NOT NULL,
    waited  INTEGER NOT NULL,   -- days
    PRIMARY KEY (request, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_day ON decision (day);

CREATE TABLE words_print (      -- by which texts that are much the same are found, for some days
    mark    INTEGER NOT NULL,
    request INTEGER NOT NULL REFERENCES request (id),
    day     TEXT    NOT NULL,
    PRIMARY KEY (mark, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX words_print_day ON words_print (day);
