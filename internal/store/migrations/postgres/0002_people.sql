-- +goose Up

-- People sign in, and belong to accounts by a membership.
CREATE TABLE person (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email           TEXT    NOT NULL UNIQUE,    -- in lower case
    name            TEXT    NOT NULL,
    zone            TEXT    NOT NULL,
    language        TEXT    NOT NULL,
    theme           TEXT    NOT NULL,
    password_hash   TEXT    NOT NULL,           -- empty for none
    sealed_totp     BYTEA,                      -- the secret of the authenticator app
    totp_step       BIGINT  NOT NULL DEFAULT 0, -- the last one that was used: no code of it or of a former one works again
    operator        BOOLEAN NOT NULL,           -- of the whole service
    disabled        BOOLEAN NOT NULL,
    confirmed       BOOLEAN NOT NULL,           -- has proven to have the address
    created_at      BIGINT  NOT NULL,
    last_sign_in_at BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX person_operator ON person (id) WHERE operator;

CREATE TABLE membership (
    account_id BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    person_id  BIGINT   NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    role       SMALLINT NOT NULL,
    created_at BIGINT   NOT NULL,
    PRIMARY KEY (account_id, person_id)
);
CREATE INDEX membership_person ON membership (person_id);

CREATE TABLE session (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash         BYTEA   NOT NULL UNIQUE, -- SHA-256 of the token
    person_id    BIGINT  NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    account_id   BIGINT  NOT NULL,        -- that is looked at
    way          TEXT    NOT NULL,
    console      BOOLEAN NOT NULL,
    second       BOOLEAN NOT NULL,        -- the second factor is missing
    created_at   BIGINT  NOT NULL,
    signed_in_at BIGINT  NOT NULL,        -- the last proof of identity
    last_seen_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    address      TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL
);
CREATE INDEX session_person ON session (person_id, id);
CREATE INDEX session_expires ON session (expires_at);

-- One-time links. A link that is closed, because it was used, replaced or revoked or has expired, is kept for a while, so
-- that whoever opens it learns why it does not work. What expires early has expires_at changed.
CREATE TABLE link (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       BYTEA    NOT NULL UNIQUE, -- SHA-256 of the token
    kind       SMALLINT NOT NULL,
    person_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL,
    email      TEXT     NOT NULL,
    role       SMALLINT NOT NULL,
    made_by    BIGINT   NOT NULL,
    created_at BIGINT   NOT NULL,
    expires_at BIGINT   NOT NULL,
    used_at    BIGINT   NOT NULL DEFAULT 0,
    detail     TEXT     NOT NULL
);
CREATE INDEX link_person ON link (person_id, kind);
CREATE INDEX link_account ON link (account_id, kind);
CREATE INDEX link_email ON link (email, kind);
CREATE INDEX link_expires ON link (expires_at);

CREATE TABLE passkey (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id     BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    credential_id BYTEA  NOT NULL UNIQUE,
    credential    BYTEA  NOT NULL, -- public key and counters
    title         TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL
);
CREATE INDEX passkey_person ON passkey (person_id);

CREATE TABLE recovery_code (
    person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    hash      BYTEA  NOT NULL,
    used_at   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (person_id, hash)
);

-- How OpenID Connect issuers know people.
CREATE TABLE identity (
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    person_id  BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    email      TEXT   NOT NULL, -- that the issuer named
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identity_person ON identity (person_id);

-- Who did what. Nothing refers to other tables: an entry stays when what it is about is deleted.
CREATE TABLE audit (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL, -- 0 for the whole service
    at         BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    person_id  BIGINT NOT NULL,
    key_id     BIGINT NOT NULL,
    session_id BIGINT NOT NULL,
    way        TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    object_id  BIGINT NOT NULL,
    title      TEXT   NOT NULL,
    changes    TEXT   NOT NULL  -- as JSON; empty is none
);
CREATE INDEX audit_account ON audit (account_id, at, id);
CREATE INDEX audit_at ON audit (at, id);

-- Challenges that were answered, so that each is answered once.
CREATE TABLE used_challenge (
    hash       BYTEA  PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_challenge_expires ON used_challenge (expires_at);

-- An account that waits for its deletion is disabled; was_disabled is what it was before.
ALTER TABLE account ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN deletes_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN was_disabled BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX account_deletes ON account (deletes_at) WHERE deletes_at > 0;

-- Keys from before people had roles may do everything in their account; the first one is that of the operator.
ALTER TABLE api_key ADD COLUMN made_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN role SMALLINT NOT NULL DEFAULT 3;
ALTER TABLE api_key ADD COLUMN operator BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX api_key_maker ON api_key (made_by) WHERE made_by > 0;
UPDATE api_key SET operator = TRUE
WHERE id = (SELECT min(id) FROM api_key WHERE account_id = (SELECT min(id) FROM account));

-- Failed sign-ins are counted for everyone who tries: old windows are found without reading all.
CREATE INDEX usage_window ON usage (window_at);
