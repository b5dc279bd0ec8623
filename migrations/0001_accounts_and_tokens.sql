-- One text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN, BYTEA only. Times are milliseconds since 1970 in UTC,
-- ids are UUIDs as text; both are made by the program.

CREATE TABLE account (
    id            TEXT    PRIMARY KEY,
    username      TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    is_admin      BOOLEAN NOT NULL,
    disabled_at   BIGINT,
    language      TEXT,
    theme         TEXT,
    created_at    BIGINT  NOT NULL
);

-- One row once the first account exists. Its primary key is what makes the first account the only first one.
CREATE TABLE installation (
    id        BIGINT PRIMARY KEY CHECK (id = 1),
    set_up_at BIGINT NOT NULL
);

-- Each start without an account prints one; all of them work until the first account exists.
CREATE TABLE setup_code (
    code_hash  BYTEA  PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- Sessions of the browser; the id is stored as its SHA-256 alone.
CREATE TABLE session (
    id_hash      BYTEA  PRIMARY KEY,
    account_id   TEXT   REFERENCES account (id) ON DELETE CASCADE,
    data         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE token (
    id           TEXT    PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    secret_hash  BYTEA   NOT NULL UNIQUE,
    description  TEXT    NOT NULL,
    hint         TEXT    NOT NULL,
    level        TEXT    NOT NULL,
    is_active    BOOLEAN NOT NULL,
    source       TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX token_account ON token (account_id, created_at);

-- What is kept of a deleted token for 90 days, so that whoever still uses it is told why it stopped.
CREATE TABLE deleted_token (
    secret_hash BYTEA  PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    description TEXT   NOT NULL,
    deleted_at  BIGINT NOT NULL
);
CREATE INDEX deleted_token_time ON deleted_token (deleted_at);

-- Keys of forms that were posted: each creates once.
CREATE TABLE spent_form_key (
    key_hash BYTEA  PRIMARY KEY,
    spent_at BIGINT NOT NULL
);
CREATE INDEX spent_form_key_time ON spent_form_key (spent_at);

-- The root certificate and the leaves under it. Private keys are encrypted with the secret key file.
CREATE TABLE signing_key (
    id            TEXT   PRIMARY KEY,
    role          TEXT   NOT NULL CHECK (role IN ('root', 'leaf')),
    generation    BIGINT NOT NULL,
    certificate   BYTEA  NOT NULL,
    sealed_key    BYTEA  NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (role, generation)
);
