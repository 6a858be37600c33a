-- What stands in an authority's inbox, with all that a list of it is narrowed by; who of the authority sees to what;
-- and the words that an authority answers with again and again. None of it is public, none of it is in a history.

CREATE TABLE assigned (             -- who of the authority sees to it
    assignment INTEGER PRIMARY KEY REFERENCES assignment (number),
    account    INTEGER NOT NULL REFERENCES account (number),
    day        TEXT    NOT NULL
) STRICT;

CREATE TABLE appeal_with (          -- with whom the formal appeal of a request lies: follows from its entries, written with each
    request   INTEGER PRIMARY KEY REFERENCES request (id),
    authority TEXT    NOT NULL,
    open      INTEGER NOT NULL      -- 1: it was neither answered nor taken back
) STRICT;

CREATE TABLE inbox (                -- one row for each assignment that its authority may see; written anew with every act
    authority  TEXT    NOT NULL,
    assignment INTEGER NOT NULL REFERENCES assignment (number),
    request    INTEGER NOT NULL REFERENCES request (id),
    category   TEXT    NOT NULL,
    area       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    open       INTEGER NOT NULL,
    formal     INTEGER NOT NULL,    -- 1: there is a formal appeal; 2: it may lie with this authority, unanswered
    planned    TEXT    NOT NULL,    -- the day that the authority planned it for, or ''
    acted      TEXT    NOT NULL,    -- the day of the last act on it
    person     INTEGER NOT NULL,    -- as in assigned; 0: nobody
    PRIMARY KEY (authority, assignment)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_open ON inbox (authority, open, assignment);
CREATE INDEX inbox_category ON inbox (authority, category, assignment);
CREATE INDEX inbox_area ON inbox (authority, area, assignment);
CREATE INDEX inbox_acted ON inbox (authority, acted, assignment);
CREATE INDEX inbox_person ON inbox (authority, person, assignment) WHERE person <> 0;
CREATE INDEX inbox_formal ON inbox (authority, assignment) WHERE formal > 0;
CREATE INDEX inbox_late ON inbox (authority, assignment) WHERE planned <> '' OR formal = 2;

INSERT INTO inbox (authority, assignment, request, category, area, state, open, formal, planned, acted, person)
    SELECT a.authority, a.number, a.request, r.category, r.area, a.state,
        CASE WHEN a.state IN ('routed', 'delivered', 'registered', 'in_work', 'planned', 'info_needed') THEN 1 ELSE 0 END,
        CASE WHEN EXISTS (SELECT 1 FROM appeal_event e WHERE e.request = a.request) THEN 2 ELSE 0 END, '', a.day, 0
    FROM assignment a JOIN request r ON r.id = a.request
    WHERE a.authority <> '' AND a.state <> 'awaiting_check' AND EXISTS (SELECT 1 FROM delivery d WHERE d.assignment = a.number)
        AND (r.visibility <> 'held' OR EXISTS (SELECT 1 FROM assignment b WHERE b.request = a.request AND b.state NOT IN ('awaiting_check', 'withdrawn', 'merged')));

ALTER TABLE account_trace ADD COLUMN assignment INTEGER NOT NULL DEFAULT 0; -- of what was done with one; 0: with the account alone
CREATE INDEX account_trace_assignment ON account_trace (assignment, number) WHERE assignment <> 0;

CREATE TABLE answer_template (      -- words to answer with, of one authority
    number    INTEGER PRIMARY KEY,
    authority TEXT    NOT NULL,
    language  TEXT    NOT NULL,
    title     TEXT    NOT NULL,
    words     TEXT    NOT NULL,     -- {number} and {date} are put in when they are used
    UNIQUE (authority, language, title)
) STRICT;
