-- Who is told by e-mail of an area or a case. The address is readable here: whoever sends must know it. Nothing leads from it to a
-- holder, a supporter or a contact. What ends is erased at once.

CREATE TABLE alert (
    mark     TEXT    NOT NULL PRIMARY KEY, -- random: the secret of its links
    address  TEXT    NOT NULL,
    language TEXT    NOT NULL,
    area     TEXT    NOT NULL,             -- or '', of a case
    category TEXT    NOT NULL,             -- of an area's: '' is any
    request  INTEGER NOT NULL,             -- a case's; 0: of an area
    state    TEXT    NOT NULL,             -- asked: not confirmed yet, on
    day      TEXT    NOT NULL,             -- since when it stands so
    told     TEXT    NOT NULL,             -- of an area: the last day of which it was told
    event    INTEGER NOT NULL,             -- of a case: the last act of which it was told
    round    INTEGER NOT NULL,             -- messages so far
    due      INTEGER NOT NULL,             -- when the next is to be looked for
    pause    INTEGER NOT NULL,             -- of a case: not before
    tries    INTEGER NOT NULL,
    lease    INTEGER NOT NULL,
    owner    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX alert_of ON alert (address, area, category, request);
CREATE INDEX alert_request ON alert (request);
CREATE INDEX alert_due ON alert (due);
CREATE INDEX alert_day ON alert (state, day);

CREATE TABLE alert_asked (                 -- how often an address was written to on a day, to be confirmed
    address TEXT    NOT NULL,              -- its keyed hash
    day     TEXT    NOT NULL,
    times   INTEGER NOT NULL,
    PRIMARY KEY (address, day)
) STRICT, WITHOUT ROWID;
