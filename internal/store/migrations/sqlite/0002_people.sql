-- +goose Up

-- People sign in, and belong to accounts by a membership.
CREATE TABLE person (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    email           TEXT    NOT NULL UNIQUE,     -- in lower case
    name            TEXT    NOT NULL,
    zone            TEXT    NOT NULL,
    language        TEXT    NOT NULL,
    theme           TEXT    NOT NULL,
    password_hash   TEXT    NOT NULL,            -- empty for none
    sealed_totp     BLOB,                        -- the secret of the authenticator app
    totp_step       INTEGER NOT NULL DEFAULT 0,  -- the last one that was used: no code of it or of a former one works again
    operator        INTEGER NOT NULL,            -- of the whole service
    disabled        INTEGER NOT NULL,
    confirmed       INTEGER NOT NULL,            -- has proven to have the address
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX person_operator ON person (id) WHERE operator;

CREATE TABLE membership (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    role       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_person ON membership (person_id);

CREATE TABLE session (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    hash         BLOB    NOT NULL UNIQUE, -- SHA-256 of the token
    person_id    INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    account_id   INTEGER NOT NULL,        -- that is looked at
    way          TEXT    NOT NULL,
    console      INTEGER NOT NULL,
    second       INTEGER NOT NULL,        -- the second factor is missing
    created_at   INTEGER NOT NULL,
    signed_in_at INTEGER NOT NULL,        -- the last proof of identity
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person_id, id);
CREATE INDEX session_expires ON session (expires_at);

-- One-time links. A link that is closed, because it was used, replaced or revoked or has expired, is kept for a while, so
-- that whoever opens it learns why it does not work. What expires early has expires_at changed.
CREATE TABLE link (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE, -- SHA-256 of the token
    kind       INTEGER NOT NULL,
    person_id  INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    email      TEXT    NOT NULL,
    role       INTEGER NOT NULL,
    made_by    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL DEFAULT 0,
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX link_person ON link (person_id, kind);
CREATE INDEX link_account ON link (account_id, kind);
CREATE INDEX link_email ON link (email, kind);
CREATE INDEX link_expires ON link (expires_at);

CREATE TABLE passkey (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id     INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    credential_id BLOB    NOT NULL UNIQUE,
    credential    BLOB    NOT NULL, -- public key and counters
    title         TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_person ON passkey (person_id);

CREATE TABLE recovery_code (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    hash      BLOB    NOT NULL,
    used_at   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person_id, hash)
) STRICT, WITHOUT ROWID;

-- How OpenID Connect issuers know people.
CREATE TABLE identity (
    issuer     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    person_id  INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL, -- that the issuer named
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_person ON identity (person_id);

-- Who did what. Nothing refers to other tables: an entry stays when what it is about is deleted.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL, -- 0 for the whole service
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    person_id  INTEGER NOT NULL,
    key_id     INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    way        TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    object_id  INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    changes    TEXT    NOT NULL -- as JSON; empty is none
) STRICT;
CREATE INDEX audit_account ON audit (account_id, at, id);
CREATE INDEX audit_at ON audit (at, id);

-- Challenges that were answered, so that each is answered once.
CREATE TABLE used_challenge (
    hash       BLOB    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_challenge_expires ON used_challenge (expires_at);

-- An account that waits for its deletion is disabled; was_disabled is what it was before.
ALTER TABLE account ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN deletes_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN was_disabled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX account_deletes ON account (deletes_at) WHERE deletes_at > 0;

-- Keys from before people had roles may do everything in their account; the first one is that of the operator.
ALTER TABLE api_key ADD COLUMN made_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN role INTEGER NOT NULL DEFAULT 3;
ALTER TABLE api_key ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
CREATE INDEX api_key_maker ON api_key (made_by) WHERE made_by > 0;
UPDATE api_key SET operator = 1
WHERE id = (SELECT min(id) FROM api_key WHERE account_id = (SELECT min(id) FROM account));

-- Failed sign-ins are counted for everyone who tries: old windows are found without reading all.
CREATE INDEX usage_window ON usage (window_at);
