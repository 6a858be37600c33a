-- Which pages of a document were before whom, by what they looked like then.
CREATE TABLE shown (
  original INTEGER NOT NULL REFERENCES originals (id),
  page     INTEGER NOT NULL,
  picture  TEXT    NOT NULL, -- SHA-256 of the page's picture
  by_name  TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (original, page, picture, by_name)
) WITHOUT ROWID;
