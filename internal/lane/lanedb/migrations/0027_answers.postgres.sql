-- The step that began to count verdicts took a request's last event for the answer of a part that was answered before. Where that
-- is another's event, or none that answers, and nobody has judged it, the part's own last answer takes its place.

UPDATE assignment SET answer = COALESCE((SELECT max(e.number) FROM event e WHERE e.request = assignment.request AND e.body::json ->> 'authority' = assignment.authority
        AND e.body::json ->> 'to' = assignment.answered AND COALESCE(e.body::json ->> 'verdict', '') = ''), answer)
    WHERE answer <> 0
    AND NOT EXISTS (SELECT 1 FROM event e WHERE e.request = assignment.request AND e.number = assignment.answer AND e.body::json ->> 'authority' = assignment.authority
        AND e.body::json ->> 'to' = assignment.answered AND COALESCE(e.body::json ->> 'verdict', '') = '')
    AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.assignment = assignment.number AND v.answer = assignment.answer);
