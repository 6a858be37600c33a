-- Where requests are, for boxes of a map: a tree of rectangles, each of one point.

CREATE VIRTUAL TABLE request_box USING rtree_i32 (id, min_lat, max_lat, min_lon, max_lon);
INSERT INTO request_box SELECT id, lat, lat, lon, lon FROM request WHERE lat IS NOT NULL;
