-- What each original tells about whoever made it, as the box read it, or why it
-- could not be read.
CREATE TABLE sheets (
  original   INTEGER PRIMARY KEY REFERENCES originals (id),
  sheet      BLOB    NOT NULL,
  fault      TEXT    NOT NULL DEFAULT '',
  fault_args TEXT    NOT NULL DEFAULT '[]',
  at         INTEGER NOT NULL
);
