-- Where in words, and who has the same trouble.

ALTER TABLE request ADD COLUMN landmark TEXT NOT NULL DEFAULT ''; -- public with the request

CREATE TABLE support (              -- somebody has the same trouble: the hash of a code of their own
    hash    TEXT    NOT NULL PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES request (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX support_request ON support (request);
CREATE INDEX request_list ON request (area, id);
