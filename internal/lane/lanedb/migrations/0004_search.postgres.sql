-- The words of requests, as locale.SearchText gives them. It is filled with the
-- request; before this step no page took any.

CREATE TABLE request_words (
    rowid BIGINT   PRIMARY KEY REFERENCES request (id),
    words tsvector NOT NULL
);
CREATE INDEX request_words_words ON request_words USING gin (words);
