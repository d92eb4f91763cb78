-- +goose Up

-- What a job asks of its exchange.
ALTER TABLE job ADD COLUMN follow_redirects SMALLINT NOT NULL DEFAULT 0; -- how many at most
ALTER TABLE job ADD COLUMN success TEXT NOT NULL DEFAULT '';             -- criteria, as JSON; empty is none
ALTER TABLE job ADD COLUMN unverified BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE job ADD COLUMN oversize SMALLINT NOT NULL DEFAULT 0;

-- An execution with redirects, or a truncated body, has a row here even when its response is not saved.
ALTER TABLE response ADD COLUMN redirects TEXT NOT NULL DEFAULT '';      -- as JSON; empty is none
ALTER TABLE response ADD COLUMN truncated BOOLEAN NOT NULL DEFAULT false;

-- What an account adds to TLS, in PEM.
CREATE TABLE account_tls (
    account_id  BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    roots       TEXT NOT NULL,
    certificate TEXT NOT NULL,
    secret      BYTEA -- sealed: the private key of the certificate
);
