-- What may be written into this database, while it moves to another engine and afterwards. Every act looks here first.

CREATE TABLE mark (             -- one row
    one   BIGINT  PRIMARY KEY,
    id    TEXT    NOT NULL,     -- of this database, made up once
    state TEXT    NOT NULL,     -- '': everything is taken; draining: no delivery begins; stopped: nothing is taken, for a moment; moved: never again; arriving: not whole yet
    other TEXT    NOT NULL,     -- moved: where to, without a password; arriving: the id of the database that it comes from
    place TEXT    NOT NULL,     -- arriving: the store of pictures
    owner TEXT    NOT NULL,     -- who moves it
    lease BIGINT  NOT NULL      -- of draining and stopped: until when, in microseconds
);
INSERT INTO mark (one, id, state, other, place, owner, lease) VALUES (1, replace(gen_random_uuid()::text, '-', ''), '', '', '', '', 0);
