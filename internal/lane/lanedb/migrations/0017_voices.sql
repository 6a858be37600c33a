-- What else goes between citizens and an authority in public, beside reports: a
-- question that is asked of it, and what it says to everybody.

ALTER TABLE request ADD COLUMN kind   TEXT NOT NULL DEFAULT ''; -- '' a report; question, pledge, announcement
ALTER TABLE request ADD COLUMN begins TEXT NOT NULL DEFAULT ''; -- of an announcement: the first day that it speaks of
ALTER TABLE request ADD COLUMN ends   TEXT NOT NULL DEFAULT ''; -- the last one; of a pledge: the day by which it is to be kept
CREATE INDEX request_kind ON request (kind, id) WHERE kind <> '';
