-- The tables of conversations, format 1; jobs.sql has those that format 2 adds. Times are nanoseconds since 1970; each key begins with the tenant.
CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    at INTEGER NOT NULL,
    said TEXT NOT NULL,
    answered TEXT NOT NULL
) STRICT;
CREATE INDEX turns_in_order ON turns (tenant, conversation, at, id);
CREATE INDEX turns_by_age ON turns (at);
CREATE TABLE tokens (
    tenant TEXT NOT NULL,
    month TEXT NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (tenant, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    is_done INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_age ON events (tenant, until);
