-- +goose Up

-- Files of ACME that the nodes share: accounts, keys, certificates, open challenges.
CREATE TABLE acme_file (
    path         TEXT    PRIMARY KEY,
    sealed_value BLOB    NOT NULL,
    modified_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Locks for what one node at a time may do, such as ordering a certificate.
CREATE TABLE acme_lock (
    name        TEXT    PRIMARY KEY,
    owner       TEXT    NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
