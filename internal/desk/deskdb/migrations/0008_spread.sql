-- Where published records are carried on to, and what became of each.
CREATE TABLE channels (
  id        INTEGER PRIMARY KEY,
  kind      TEXT    NOT NULL,
  name      TEXT    NOT NULL UNIQUE,
  place     TEXT    NOT NULL,
  secret    BLOB    NOT NULL,
  languages TEXT    NOT NULL, -- JSON
  carries   TEXT    NOT NULL, -- JSON
  is_on     INTEGER NOT NULL DEFAULT 0,
  removed   INTEGER NOT NULL DEFAULT 0
);

-- One version of a record at one channel. A row is never deleted: that something
-- may stand at a platform is not forgotten.
CREATE TABLE posts (
  id         INTEGER PRIMARY KEY,
  channel    INTEGER NOT NULL REFERENCES channels (id),
  record     TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  language   TEXT    NOT NULL,
  key        TEXT    NOT NULL UNIQUE,
  act        TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  digest     TEXT    NOT NULL DEFAULT '', -- of what a person confirmed
  files      TEXT    NOT NULL DEFAULT '[]', -- SHA-256 of what was sent, JSON
  remote     TEXT    NOT NULL DEFAULT '',
  url        TEXT    NOT NULL DEFAULT '',
  replaces   INTEGER NOT NULL DEFAULT 0,
  tries      INTEGER NOT NULL DEFAULT 0,
  next       INTEGER NOT NULL DEFAULT 0,
  cleared    TEXT    NOT NULL DEFAULT '', -- by whom
  fault      TEXT    NOT NULL DEFAULT '',
  fault_args TEXT    NOT NULL DEFAULT '[]',
  changed    INTEGER NOT NULL
);
CREATE INDEX posts_record ON posts (record, id);
CREATE INDEX posts_state ON posts (state, next, id);
CREATE TRIGGER posts_kept BEFORE DELETE ON posts BEGIN SELECT RAISE(ABORT, 'a post is never forgotten'); END;
