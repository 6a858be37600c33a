-- Indexes in the order in which pages list reports, so that whatever a reader chooses, only what is shown is read.

CREATE INDEX request_spot ON request (area, open, id);
CREATE INDEX request_category ON request (category, open, id, lat, lon); -- with the place: a map passes over what lies elsewhere
CREATE INDEX request_state ON request (open, id, lat, lon);

DROP INDEX assignment_standing;
CREATE INDEX assignment_rows ON assignment (authority, standing, request); -- behind the numbers of a scoreboard

-- How many reports lie in a box, counted no further than most. The planner, which takes every box for a small one, would
-- gather all of them first.
CREATE FUNCTION kua_in_box(west BIGINT, south BIGINT, east BIGINT, north BIGINT, most BIGINT) RETURNS BIGINT
    LANGUAGE sql STABLE SET enable_bitmapscan = off SET enable_seqscan = off
    AS 'SELECT count(*) FROM (SELECT 1 FROM request WHERE lat IS NOT NULL AND point(lon, lat) <@ box(point(west, south), point(east, north)) LIMIT most) AS found';
