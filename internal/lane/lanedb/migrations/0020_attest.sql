-- By which an authority seals what only the holder of a code is to read. It is made from the code, which is not kept.

CREATE TABLE appeal_key (
    request INTEGER PRIMARY KEY REFERENCES request (id),
    public  BLOB    NOT NULL        -- X25519 with ML-KEM-768, as HPKE writes it
) STRICT;
