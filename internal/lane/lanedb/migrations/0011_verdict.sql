-- What people say of an answer, what came of it, and the counts of both.

ALTER TABLE assignment ADD COLUMN answer   INTEGER NOT NULL DEFAULT 0;  -- number of the event by which it was last answered, mended or refused; 0: never
ALTER TABLE assignment ADD COLUMN answered TEXT    NOT NULL DEFAULT ''; -- the state of that answer
ALTER TABLE assignment ADD COLUMN standing TEXT    NOT NULL DEFAULT ''; -- as which it is counted
CREATE INDEX assignment_standing ON assignment (authority, standing, number);

ALTER TABLE support ADD COLUMN event INTEGER NOT NULL DEFAULT 0; -- the request's newest event when it came: whoever comes after an answer does not judge it

CREATE TABLE verdict (              -- one for each person and answer; the same stands in the history
    assignment INTEGER NOT NULL REFERENCES assignment (number),
    answer     INTEGER NOT NULL,
    person     TEXT    NOT NULL,    -- hash of the code of a holder or a supporter
    request    INTEGER NOT NULL REFERENCES request (id),
    holder     INTEGER NOT NULL,    -- 1: of the holder
    says       TEXT    NOT NULL,
    event      INTEGER NOT NULL,    -- number of its event
    day        TEXT    NOT NULL,
    PRIMARY KEY (assignment, answer, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_request ON verdict (request);

CREATE TABLE outcome (              -- what came of it in the end; the same stands in the history
    request INTEGER NOT NULL REFERENCES request (id),
    event   INTEGER NOT NULL,       -- number of its event
    what    TEXT    NOT NULL,
    link    TEXT    NOT NULL,       -- where it can be read; '' for none
    day     TEXT    NOT NULL,       -- when it came about
    attests TEXT    NOT NULL,       -- who says so
    struck  INTEGER NOT NULL DEFAULT 0, -- number of the event that took it back; 0: it stands
    PRIMARY KEY (request, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (                -- how many assignments stand how, kept up by the act that changes it
    kind     TEXT    NOT NULL,      -- authority, area, category
    track    TEXT    NOT NULL,
    month    TEXT    NOT NULL,      -- of the request
    id       TEXT    NOT NULL,
    standing TEXT    NOT NULL,
    slot     INTEGER NOT NULL,      -- of eight, by the request: acts at the same time seldom meet in one row
    n        INTEGER NOT NULL,
    PRIMARY KEY (kind, track, month, id, standing, slot)
) STRICT, WITHOUT ROWID;

UPDATE assignment SET answered = state, answer = (SELECT max(number) FROM event WHERE event.request = assignment.request)
    WHERE state IN ('answered_mended', 'answered_refused');
UPDATE assignment SET standing = CASE state WHEN 'awaiting_check' THEN 'waiting' WHEN 'routed' THEN 'undelivered'
    WHEN 'answered_mended' THEN 'claimed' WHEN 'answered_refused' THEN 'refused' WHEN 'answered_redirected' THEN 'passed'
    WHEN 'withdrawn' THEN 'withdrawn' WHEN 'merged' THEN 'merged' ELSE 'silent' END;
INSERT INTO tally (kind, track, month, id, standing, slot, n)
    SELECT 'authority', 'report', substr(r.day, 1, 7), a.authority, a.standing, r.id % 8, count(*) FROM assignment a JOIN request r ON r.id = a.request GROUP BY 3, 4, 5, 6;
INSERT INTO tally (kind, track, month, id, standing, slot, n)
    SELECT 'area', 'report', substr(r.day, 1, 7), r.area, a.standing, r.id % 8, count(*) FROM assignment a JOIN request r ON r.id = a.request GROUP BY 3, 4, 5, 6;
INSERT INTO tally (kind, track, month, id, standing, slot, n)
    SELECT 'category', 'report', substr(r.day, 1, 7), r.category, a.standing, r.id % 8, count(*) FROM assignment a JOIN request r ON r.id = a.request GROUP BY 3, 4, 5, 6;
