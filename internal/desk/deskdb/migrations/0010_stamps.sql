-- The services that are asked for time stamps, by the certificates they lead to.
CREATE TABLE stamp_services (
  id         TEXT    PRIMARY KEY, -- of its roots
  url        TEXT    NOT NULL UNIQUE,
  roots      BLOB    NOT NULL,    -- PEM
  fault      TEXT    NOT NULL DEFAULT '', -- why it gave none when it was asked last
  fault_args TEXT    NOT NULL DEFAULT '[]',
  asked      INTEGER NOT NULL DEFAULT 0
);

-- Stamps that no published edition holds yet.
CREATE TABLE stamps (
  edition  INTEGER NOT NULL,
  roots_id TEXT    NOT NULL,
  note     BLOB    NOT NULL, -- the checkpoint that was stamped
  response BLOB    NOT NULL,
  roots    BLOB    NOT NULL, -- a service may be removed before its stamp is published
  PRIMARY KEY (edition, roots_id)
);
