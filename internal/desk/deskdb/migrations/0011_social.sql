-- What channels that are accounts of our own in a network of servers have said, who
-- follows them, and what is still to be told to whom. All of it goes with the channel.

-- Names of people whose interest may harm them.
CREATE TABLE followers (
  channel INTEGER NOT NULL REFERENCES channels (id),
  actor   TEXT    NOT NULL,
  asked   TEXT    NOT NULL, -- id of what they asked with
  inbox   TEXT    NOT NULL,
  told    TEXT    NOT NULL, -- the inbox of their server for all of its people, if it has one
  PRIMARY KEY (channel, actor)
) WITHOUT ROWID;
CREATE INDEX followers_told ON followers (channel, told);

-- Letters that were acted upon: brought again they say nothing.
CREATE TABLE heard (
  channel INTEGER NOT NULL REFERENCES channels (id),
  mark    TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (channel, mark)
) WITHOUT ROWID;

-- What the node shows.
CREATE TABLE said (
  channel  INTEGER NOT NULL REFERENCES channels (id),
  file     TEXT    NOT NULL,
  document BLOB    NOT NULL,
  first    INTEGER NOT NULL,
  gone     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, file)
) WITHOUT ROWID;

CREATE TABLE tellings (
  id       INTEGER PRIMARY KEY,
  channel  INTEGER NOT NULL REFERENCES channels (id),
  about    TEXT    NOT NULL, -- the file
  inbox    TEXT    NOT NULL,
  activity TEXT    NOT NULL, -- its id
  body     BLOB    NOT NULL, -- empty once it is done
  away     INTEGER NOT NULL, -- it takes something away
  state    TEXT    NOT NULL, -- queued, done, lost
  tries    INTEGER NOT NULL DEFAULT 0,
  next     INTEGER NOT NULL DEFAULT 0,
  UNIQUE (channel, inbox, activity)
);
CREATE INDEX tellings_state ON tellings (state, away, next);
CREATE INDEX tellings_about ON tellings (channel, about, inbox);

-- An account whose followers were asked to follow another one.
CREATE TABLE moves (
  channel INTEGER PRIMARY KEY REFERENCES channels (id),
  target  INTEGER NOT NULL REFERENCES channels (id)
);
