-- Words that wait are not only those that a holder adds: also what people say with a verdict, and what answers an authority's question.

ALTER TABLE addition ADD COLUMN actor      TEXT    NOT NULL DEFAULT 'holder';
ALTER TABLE addition ADD COLUMN person     TEXT    NOT NULL DEFAULT '';  -- hash of their code
ALTER TABLE addition ADD COLUMN assignment INTEGER NOT NULL DEFAULT 0;   -- the part to whose question they answer, or whose answer they judge; 0: neither
ALTER TABLE addition ADD COLUMN answer     INTEGER NOT NULL DEFAULT 0;   -- of a verdict: the number of the event that it judges
UPDATE addition SET person = COALESCE((SELECT hash FROM holder WHERE holder.request = addition.request), ''); -- until here holders alone added words

-- The stays of formal appeals with authorities, and as what each is counted. Both follow from the entries and the law of the newest
-- directory; a sweep works out anew what is of an older one. A stay whose day is not over is counted under that day, so that whether it is over is stored nowhere.
CREATE TABLE appeal_leg (
    request   INTEGER NOT NULL REFERENCES request (id),
    leg       INTEGER NOT NULL,   -- from 1, in the order of the appeal's road
    authority TEXT    NOT NULL,
    month     TEXT    NOT NULL,   -- in which it came to the authority
    standing  TEXT    NOT NULL,
    due       TEXT    NOT NULL,   -- of one that is running: its day
    PRIMARY KEY (request, leg)
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_leg_rows ON appeal_leg (authority, month, request); -- behind the numbers of a scoreboard
ALTER TABLE appeal_with ADD COLUMN directory INTEGER NOT NULL DEFAULT 0; -- the version by whose law its legs were worked out
CREATE INDEX appeal_with_directory ON appeal_with (directory, request);

-- Appeals from before step 0018 have no line in appeal_with until something is entered. With this one they may lie with anybody, until the sweep knows better.
INSERT INTO appeal_with (request, authority, open) SELECT DISTINCT request, '', 1 FROM appeal_event WHERE request NOT IN (SELECT request FROM appeal_with);

-- How many alerts were ended since their mailbox does not take them, by month: no address, no day.
CREATE TABLE alert_ended (
    month TEXT    NOT NULL,
    why   TEXT    NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (month, why)
) STRICT, WITHOUT ROWID;

-- A name is unique in its authority alone: that it is taken says nothing of others. People sign in by it without naming the authority.
ALTER TABLE account ADD COLUMN called TEXT NOT NULL DEFAULT ''; -- the name as it is compared; folded has the authority before it
UPDATE account SET called = folded, folded = authority || '/' || folded;
CREATE INDEX account_called ON account (called, number);
