-- What a set of derivatives was made with: the plan as it was, which says
-- where every box lay on every frame, a salt for its commitment, and the tools.
CREATE TABLE renderings (
  id       INTEGER PRIMARY KEY,
  original INTEGER NOT NULL REFERENCES originals (id),
  first    INTEGER NOT NULL REFERENCES derivatives (id),
  version  INTEGER NOT NULL,
  plan     BLOB    NOT NULL,
  salt     BLOB    NOT NULL,
  tools    TEXT    NOT NULL,
  marked   TEXT    NOT NULL,
  at       INTEGER NOT NULL
);
CREATE UNIQUE INDEX renderings_first ON renderings (first);
CREATE TRIGGER renderings_kept BEFORE DELETE ON renderings BEGIN SELECT RAISE(ABORT, 'a rendering is never forgotten'); END;
CREATE TRIGGER renderings_fixed BEFORE UPDATE ON renderings BEGIN SELECT RAISE(ABORT, 'a rendering is never changed'); END;

-- What another detector saw in what is to be published. Each waits for a person.
CREATE TABLE hits (
  id        INTEGER PRIMARY KEY,
  rendering INTEGER NOT NULL REFERENCES renderings (id),
  hit       BLOB    NOT NULL,
  why       TEXT    NOT NULL DEFAULT '',
  by_name   TEXT    NOT NULL DEFAULT '',
  at        INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX hits_rendering ON hits (rendering, id);

-- Boxes that somebody asked to be followed, and where they went.
CREATE TABLE follows (
  id       INTEGER PRIMARY KEY,
  original INTEGER NOT NULL REFERENCES originals (id),
  seed     BLOB    NOT NULL,
  moment   INTEGER NOT NULL,
  result   BLOB,
  by_name  TEXT    NOT NULL
);
CREATE INDEX renderings_original ON renderings (original, id);
