-- What authorities are to be told: written in the transaction of the act that
-- causes it. It names what it tells, and holds no words and no address.

CREATE TABLE delivery (
    number     INTEGER PRIMARY KEY,
    request    INTEGER NOT NULL REFERENCES request (id),
    assignment INTEGER NOT NULL REFERENCES assignment (number),
    event      INTEGER NOT NULL,    -- the act that it tells of
    opening    INTEGER NOT NULL,    -- 1: the first that the authority hears of the request
    state      TEXT    NOT NULL,    -- waiting, sent, covered (by one sent later), dropped
    day        TEXT    NOT NULL,    -- since when it waits
    tries      INTEGER NOT NULL,
    due        INTEGER NOT NULL,    -- not before; 0 until a try has failed, and again when it is over
    lease      INTEGER NOT NULL,    -- whoever took it has it until then; 0 when it is over
    owner      TEXT    NOT NULL,
    fault      TEXT    NOT NULL,    -- why the last try failed
    fault_args TEXT    NOT NULL,
    UNIQUE (assignment, event)
) STRICT;
CREATE INDEX delivery_due ON delivery (state, due);
CREATE INDEX delivery_request ON delivery (request);

INSERT INTO delivery (request, assignment, event, opening, state, day, tries, due, lease, owner, fault, fault_args)
    SELECT request, number, (SELECT max(number) FROM event WHERE event.request = assignment.request), 1, 'waiting', day, 0, 0, 0, '', '', '[]'
    FROM assignment WHERE state = 'routed';
