-- What ties originals to each other. Private: a perceptual hash of an original
-- can be searched for.

-- Originals that were compared with those before, and why a part could not be.
CREATE TABLE compared (
  original INTEGER PRIMARY KEY REFERENCES originals (id),
  pictures TEXT NOT NULL DEFAULT '', -- fault of the prints
  marks    TEXT NOT NULL DEFAULT ''  -- fault of the marks
);

-- Perceptual hashes, and apart from them those of the turned pictures: only the
-- first are read when a new one comes.
CREATE TABLE prints (
  original INTEGER PRIMARY KEY REFERENCES originals (id),
  plain    BLOB NOT NULL
);
CREATE TABLE prints_turned (
  original INTEGER PRIMARY KEY REFERENCES originals (id),
  turned   BLOB NOT NULL
);

-- What a file says of its device and encoder, and the receipt it came with: each
-- sealed under the desk's own key, so that nothing but equality is kept.
CREATE TABLE marks (
  original INTEGER NOT NULL REFERENCES originals (id),
  sealed   BLOB    NOT NULL,
  kind     TEXT    NOT NULL,
  weight   TEXT    NOT NULL,
  PRIMARY KEY (original, sealed)
) WITHOUT ROWID;
CREATE INDEX marks_sealed ON marks (sealed, original);

CREATE TABLE likenesses (
  newer    INTEGER NOT NULL REFERENCES originals (id),
  older    INTEGER NOT NULL REFERENCES originals (id),
  strength TEXT    NOT NULL,
  turned   INTEGER NOT NULL,
  PRIMARY KEY (newer, older)
) WITHOUT ROWID;
CREATE INDEX likenesses_older ON likenesses (older);
