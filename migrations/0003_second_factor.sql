-- The authenticator: its secret encrypted with the secret key file; the last time step that was accepted, so that each
-- is accepted once; a secret that is being set up and not confirmed yet.
ALTER TABLE account ADD COLUMN totp_sealed BYTEA;
ALTER TABLE account ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN totp_pending BYTEA;
ALTER TABLE account ADD COLUMN recovery_salt BYTEA;

CREATE TABLE recovery_code (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    code_hash  BYTEA  NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (account_id, code_hash)
);

-- Where an account is signed in. The public id stands in addresses; the session's own id never does.
ALTER TABLE session ADD COLUMN public_id TEXT;
ALTER TABLE session ADD COLUMN address TEXT;
ALTER TABLE session ADD COLUMN client TEXT;

-- Failed sign-ins by the hash of name and source, whether the name exists or not.
CREATE TABLE sign_in_failure (
    key_hash BYTEA  PRIMARY KEY,
    failures BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_failure_time ON sign_in_failure (last_at);

-- The security log. Equal refusals and failed sign-ins within an hour are one row with a count.
CREATE TABLE activity (
    id         TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    client     TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    times      BIGINT NOT NULL
);
CREATE INDEX activity_account ON activity (account_id, last_at);
CREATE INDEX activity_time ON activity (last_at);
