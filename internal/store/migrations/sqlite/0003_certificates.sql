-- +goose Up

-- What the nodes share of the certificates that they get by ACME: accounts, keys, certificates, open challenges.
CREATE TABLE acme_file (
    path         TEXT    PRIMARY KEY,
    sealed_value BLOB    NOT NULL,
    modified_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which node does what only one may do at a time, such as ordering a certificate, until its lease ends.
CREATE TABLE acme_lock (
    name        TEXT    PRIMARY KEY,
    owner       TEXT    NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
