-- For which day a part is planned stood in its history alone.

UPDATE inbox SET planned = COALESCE((SELECT e.body::json ->> 'on' FROM event e WHERE e.request = inbox.request AND e.body::json ->> 'authority' = inbox.authority
    AND e.body::json ->> 'to' = 'planned' ORDER BY e.number DESC LIMIT 1), '') WHERE state = 'planned';
