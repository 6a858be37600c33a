-- The desk's database. Instants are microseconds UTC; ids grow with time.

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
);

-- The custody chain. Rows are only ever added, each in the transaction of its act.
CREATE TABLE custody (
  sequence INTEGER PRIMARY KEY,
  hash     TEXT    NOT NULL,
  case_id  INTEGER NOT NULL,
  verb     TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  by_key   TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  event    BLOB    NOT NULL
);
CREATE INDEX custody_case ON custody (case_id, sequence);
CREATE INDEX custody_subject ON custody (subject, sequence);
CREATE TRIGGER custody_kept BEFORE DELETE ON custody BEGIN SELECT RAISE(ABORT, 'custody is never deleted'); END;
CREATE TRIGGER custody_fixed BEFORE UPDATE ON custody BEGIN SELECT RAISE(ABORT, 'custody is never changed'); END;

CREATE TABLE cases (
  id       INTEGER PRIMARY KEY,
  title    TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  assigned TEXT    NOT NULL DEFAULT '',
  reason   TEXT    NOT NULL DEFAULT '',
  record   TEXT    NOT NULL DEFAULT '',
  opened   INTEGER NOT NULL,
  changed  INTEGER NOT NULL
);
CREATE INDEX cases_changed ON cases (changed, id);
CREATE UNIQUE INDEX cases_record ON cases (record) WHERE record <> '';

CREATE TABLE parcels (
  number      INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  size        INTEGER NOT NULL,
  pieces      INTEGER NOT NULL,
  stage       TEXT    NOT NULL,
  report      BLOB,
  fault       TEXT    NOT NULL DEFAULT '',
  fault_args  TEXT    NOT NULL DEFAULT '[]',
  refused_for TEXT    NOT NULL DEFAULT '',
  day         TEXT    NOT NULL,
  unread      INTEGER NOT NULL DEFAULT 1,
  case_id     INTEGER REFERENCES cases (id),
  header_size INTEGER NOT NULL DEFAULT 0,
  wrapped     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX parcels_case ON parcels (case_id, number);
CREATE INDEX parcels_unread ON parcels (unread, number) WHERE unread = 1;
-- Never delete what nobody has read.
CREATE TRIGGER parcels_kept BEFORE DELETE ON parcels WHEN old.unread = 1
  BEGIN SELECT RAISE(ABORT, 'an unread parcel is never deleted'); END;

CREATE TABLE pieces (
  parcel INTEGER NOT NULL REFERENCES parcels (number),
  piece  INTEGER NOT NULL,
  PRIMARY KEY (parcel, piece)
) WITHOUT ROWID;

CREATE TABLE sightings (
  parcel    INTEGER NOT NULL REFERENCES parcels (number),
  node      TEXT    NOT NULL,
  forgotten INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (parcel, node)
) WITHOUT ROWID;

CREATE TABLE originals (
  id     INTEGER PRIMARY KEY,
  parcel INTEGER NOT NULL REFERENCES parcels (number),
  path   TEXT    NOT NULL,
  name   TEXT    NOT NULL,
  type   TEXT    NOT NULL,
  size   INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  sha256 TEXT    NOT NULL,
  salt   BLOB    NOT NULL,
  medium TEXT    NOT NULL DEFAULT '{}',
  fault  TEXT    NOT NULL DEFAULT '',
  UNIQUE (parcel, path)
);

CREATE TABLE notes (
  id      INTEGER PRIMARY KEY,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  by_name TEXT    NOT NULL,
  text    TEXT    NOT NULL,
  at      INTEGER NOT NULL
);
CREATE INDEX notes_case ON notes (case_id, id);

CREATE TABLE findings (
  id      INTEGER PRIMARY KEY,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  subject TEXT    NOT NULL,
  grade   TEXT    NOT NULL,
  reasons TEXT    NOT NULL,
  by_name TEXT    NOT NULL,
  at      INTEGER NOT NULL
);
CREATE INDEX findings_case ON findings (case_id, id);

CREATE TABLE replies (
  id      INTEGER PRIMARY KEY,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  parcel  INTEGER NOT NULL REFERENCES parcels (number),
  by_name TEXT    NOT NULL,
  text    TEXT    NOT NULL,
  prefix  TEXT    NOT NULL,
  sealed  BLOB    NOT NULL,
  at      INTEGER NOT NULL
);
CREATE INDEX replies_case ON replies (case_id, id);

CREATE TABLE deliveries (
  reply INTEGER NOT NULL REFERENCES replies (id),
  node  TEXT    NOT NULL,
  sent  INTEGER NOT NULL DEFAULT 0,
  fault TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (reply, node)
) WITHOUT ROWID;

CREATE TABLE plans (
  original INTEGER NOT NULL REFERENCES originals (id),
  version  INTEGER NOT NULL,
  plan     BLOB    NOT NULL,
  by_name  TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (original, version)
) WITHOUT ROWID;

CREATE TABLE derivatives (
  id       INTEGER PRIMARY KEY,
  original INTEGER NOT NULL REFERENCES originals (id),
  plan     INTEGER NOT NULL,
  newest   INTEGER NOT NULL DEFAULT 1,
  rung     TEXT    NOT NULL,
  type     TEXT    NOT NULL,
  poster   INTEGER NOT NULL,
  width    INTEGER NOT NULL,
  height   INTEGER NOT NULL,
  seconds  INTEGER NOT NULL,
  size     INTEGER NOT NULL,
  sha256   TEXT    NOT NULL,
  sealed   TEXT    NOT NULL
);
CREATE INDEX derivatives_original ON derivatives (original, newest, id);
CREATE INDEX derivatives_sha256 ON derivatives (sha256);

CREATE TABLE drafts (
  case_id INTEGER NOT NULL REFERENCES cases (id),
  version INTEGER NOT NULL,
  draft   BLOB    NOT NULL,
  by_name TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (case_id, version)
) WITHOUT ROWID;

CREATE TABLE proposals (
  id       INTEGER PRIMARY KEY,
  state    TEXT    NOT NULL,
  edition  INTEGER NOT NULL,
  manifest BLOB    NOT NULL,
  log_size INTEGER NOT NULL,
  charter  TEXT    NOT NULL,
  by_name  TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  reason   TEXT    NOT NULL DEFAULT '',
  step     TEXT    NOT NULL DEFAULT '',
  changed  BLOB    NOT NULL
);

CREATE TABLE proposed (
  proposal INTEGER NOT NULL REFERENCES proposals (id),
  position INTEGER NOT NULL,
  case_id  INTEGER NOT NULL REFERENCES cases (id),
  record   TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  withdraw INTEGER NOT NULL,
  document BLOB    NOT NULL,
  PRIMARY KEY (proposal, position)
) WITHOUT ROWID;

-- Signatures by the SHA-256 of what they sign.
CREATE TABLE signatures (
  document  TEXT NOT NULL,
  key       TEXT NOT NULL,
  by_name   TEXT NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (document, key)
) WITHOUT ROWID;

CREATE TABLE published (
  record   TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  case_id  INTEGER NOT NULL REFERENCES cases (id),
  document BLOB    NOT NULL,
  PRIMARY KEY (record, version)
) WITHOUT ROWID;

CREATE TABLE nodes (
  url        TEXT PRIMARY KEY,
  collected  INTEGER NOT NULL DEFAULT 0,
  edition    INTEGER NOT NULL DEFAULT 0,
  manifest   TEXT    NOT NULL DEFAULT '',
  fault      TEXT    NOT NULL DEFAULT '',
  fault_args TEXT    NOT NULL DEFAULT '[]',
  fault_at   INTEGER NOT NULL DEFAULT 0
);

-- Folded words of reports, notes, titles and drafts, for searching.
CREATE TABLE words (
  kind    TEXT    NOT NULL,
  ref     INTEGER NOT NULL,
  case_id INTEGER NOT NULL,
  words   TEXT    NOT NULL,
  PRIMARY KEY (kind, ref)
) WITHOUT ROWID;
CREATE INDEX words_case ON words (case_id);
