-- Where requests are, for boxes of a map. The server itself chooses between this and the way by ids.

CREATE INDEX request_point ON request USING gist (point(lon, lat)) WHERE lat IS NOT NULL;
