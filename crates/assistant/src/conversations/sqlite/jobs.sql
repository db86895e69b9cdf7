-- The jobs that are not done, since format 2: with no claim to the order in which they are done.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    event TEXT NOT NULL,
    job TEXT NOT NULL,
    UNIQUE (tenant, event)
) STRICT;
