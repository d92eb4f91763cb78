-- +goose Up

-- What the nodes share of the certificates that they get by ACME: accounts, keys, certificates, open challenges.
CREATE TABLE acme_file (
    path         TEXT   PRIMARY KEY,
    sealed_value BYTEA  NOT NULL,
    modified_at  BIGINT NOT NULL
);

-- Which node does what only one may do at a time, such as ordering a certificate, until its lease ends.
CREATE TABLE acme_lock (
    name        TEXT   PRIMARY KEY,
    owner       TEXT   NOT NULL,
    lease_until BIGINT NOT NULL
);
