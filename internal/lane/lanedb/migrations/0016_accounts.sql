-- Accounts of authorities. No password, no code and no session's token is kept: hashes, public keys and what a password seals.

CREATE TABLE account (
    number    INTEGER PRIMARY KEY,
    authority TEXT    NOT NULL,        -- the only one whose assignments it sees
    name      TEXT    NOT NULL,
    folded    TEXT    NOT NULL UNIQUE, -- the name as it is compared
    admin     INTEGER NOT NULL,        -- 1: may invite and reset accounts of its authority
    state     TEXT    NOT NULL,        -- invited, live, closed
    day       TEXT    NOT NULL,        -- since when
    handle    BLOB    NOT NULL,        -- random: all that a passkey knows of it
    invite    TEXT    NOT NULL,        -- SHA-256 of the token that sets it up, or ''
    until     INTEGER NOT NULL,        -- that token's end
    locker    BLOB    NOT NULL,        -- the secret of its one-time codes, sealed by its password; empty: it has none
    step      INTEGER NOT NULL         -- of the last one-time code that was taken
) STRICT;
CREATE INDEX account_authority ON account (authority, number);

CREATE TABLE account_passkey (
    id      TEXT    NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (number),
    body    BLOB    NOT NULL           -- the public half
) STRICT, WITHOUT ROWID;
CREATE INDEX account_passkey_account ON account_passkey (account);

CREATE TABLE account_recovery (        -- codes that stand in for a lost telephone, once each
    hash    TEXT    NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (number)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_recovery_account ON account_recovery (account);

CREATE TABLE account_session (
    hash    TEXT    NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (number),
    seen    INTEGER NOT NULL,          -- when it was last used, to a few minutes
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_session_account ON account_session (account);
CREATE INDEX account_session_until ON account_session (until);

CREATE TABLE account_challenge (       -- passkeys' challenges that were answered, until they end by themselves
    challenge TEXT    NOT NULL PRIMARY KEY,
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_trace (           -- who did what with an account
    number  INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (number),
    day     TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    actor   INTEGER NOT NULL           -- an account; 0: whoever runs the lane
) STRICT;
CREATE INDEX account_trace_account ON account_trace (account, number);
