-- Format 1. Times are nanoseconds since 1970-01-01 UTC. Values are JSON as the product writes it, digits kept.

-- Which store this is. The key check tells the right master key from others, and nothing else.
CREATE TABLE store (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    key_check BLOB NOT NULL
) STRICT;

-- One row for each tenant, and '#global'.
CREATE TABLE scopes (
    scope TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    display_name TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    item_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Another program may write scope, key and value alone.
CREATE TABLE items (
    scope TEXT NOT NULL REFERENCES scopes (scope),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER,
    updated_at INTEGER,
    updated_by TEXT,
    default_revision INTEGER,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- What stays of an erased tenant, so that no number of its is given again.
CREATE TABLE tombs (
    scope TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    secret_version INTEGER NOT NULL,
    log_entries INTEGER NOT NULL,
    erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each scope's data key, sealed under the master key. Without it the scope's secret cannot be opened.
CREATE TABLE data_keys (
    scope TEXT NOT NULL PRIMARY KEY REFERENCES scopes (scope),
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    scope TEXT NOT NULL PRIMARY KEY REFERENCES scopes (scope),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each field's text, sealed under the scope's data key for this scope, incarnation, field and version.
CREATE TABLE secret_fields (
    scope TEXT NOT NULL REFERENCES secrets (scope),
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (scope, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE bindings (
    binding TEXT NOT NULL PRIMARY KEY,
    scope TEXT NOT NULL REFERENCES scopes (scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX bindings_of_scope ON bindings (scope);

-- API tokens: a keyed hash, never the token.
CREATE TABLE tokens (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    scope TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX tokens_of_scope ON tokens (scope);

-- What was done. Numbers count from 1 within each scope, so that they tell nothing of other scopes.
CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    number INTEGER NOT NULL,
    revision INTEGER,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT,
    changes TEXT NOT NULL,
    detail TEXT,
    UNIQUE (scope, number)
) STRICT;
CREATE UNIQUE INDEX log_by_revision ON log (scope, revision) WHERE revision IS NOT NULL;

-- Tenants of which cached copies must go, in the order in which it happened.
CREATE TABLE revocations (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL
) STRICT;
