-- The words of requests, as locale.SearchText gives them. It is filled with the
-- request; before this step no page took any.

CREATE VIRTUAL TABLE request_words USING fts5 (words, content='', contentless_delete=1);
