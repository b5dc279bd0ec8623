-- Migrations only add from here on: a file that was released never changes, because servers compare its checksum.
--
-- One text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN and BYTEA only. Times are milliseconds since 1970 in UTC, ids
-- are UUIDs as text; the program generates both. Secrets are stored as their SHA-256, or encrypted with the secret key file
-- where they must be read back (`…_sealed`, `sealed_key`).

CREATE TABLE account (
    id                  TEXT    PRIMARY KEY,
    -- A closed account keeps its row, so that nobody inherits its name.
    username            TEXT    NOT NULL UNIQUE,
    password_hash       TEXT    NOT NULL,
    -- Raised by every change that ends what began before it: sessions, sign-ins and device approvals carry it.
    credentials_version BIGINT  NOT NULL DEFAULT 0,
    is_admin            BOOLEAN NOT NULL,
    disabled_at         BIGINT,
    closed_at           BIGINT,
    display_name        TEXT,
    -- The display name in lower case, for the search: both engines fold case differently.
    display_name_folded TEXT    NOT NULL DEFAULT '',
    language            TEXT,
    theme               TEXT,
    time_zone           TEXT,
    calendar_hash       BYTEA,
    -- Whether a repository is public from its first push on.
    pushes_are_public   BOOLEAN NOT NULL DEFAULT FALSE,
    totp_sealed         BYTEA,
    -- The last time step that was accepted, so that each code is accepted once.
    totp_step           BIGINT  NOT NULL DEFAULT 0,
    -- A secret that is not confirmed yet.
    totp_pending        BYTEA,
    recovery_salt       BYTEA,
    created_at          BIGINT  NOT NULL,
    last_seen_at        BIGINT
);
CREATE UNIQUE INDEX account_calendar ON account (calendar_hash);

-- One row once the first account exists. Its primary key makes sure that there is one first account. Transactions that
-- create accounts or repositories lock it.
CREATE TABLE installation (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    set_up_at  BIGINT NOT NULL,
    -- When a health check last found that writes commit.
    written_at BIGINT NOT NULL DEFAULT 0
);

-- Each start without an account prints one. All of them work until the first account exists.
CREATE TABLE setup_code (
    code_hash  BYTEA  PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- One-time links with which an account sets a password.
CREATE TABLE password_link (
    code_hash  BYTEA  PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX password_link_account ON password_link (account_id);

CREATE TABLE recovery_code (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    code_hash  BYTEA  NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (account_id, code_hash)
);

-- Browser sessions. The public id is the one in addresses; the session's own id is stored only as its hash.
CREATE TABLE session (
    id_hash      BYTEA  PRIMARY KEY,
    public_id    TEXT,
    account_id   TEXT   REFERENCES account (id) ON DELETE CASCADE,
    -- The account's version when the sign-in began, or when this session itself raised it.
    credentials_version BIGINT NOT NULL DEFAULT 0,
    data         TEXT   NOT NULL,
    address      TEXT,
    client       TEXT,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);

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
    -- The administrator's name, or 'dockpass account' for the operator, where one acted on the account.
    actor      TEXT   NOT NULL DEFAULT '',
    address    TEXT   NOT NULL,
    client     TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    times      BIGINT NOT NULL
);
CREATE INDEX activity_account ON activity (account_id, last_at);
CREATE INDEX activity_time ON activity (last_at);
CREATE INDEX activity_actor ON activity (last_at) WHERE actor <> '';

CREATE TABLE token (
    id                   TEXT    PRIMARY KEY,
    account_id           TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    secret_hash          BYTEA   NOT NULL UNIQUE,
    description          TEXT    NOT NULL,
    -- The description in lower case, for the text filter and the sort.
    description_folded   TEXT    NOT NULL DEFAULT '',
    hint                 TEXT    NOT NULL,
    level                TEXT    NOT NULL,
    -- The repositories that the token is limited to, a name or pattern a line; NULL for all.
    repositories         TEXT,
    is_active            BOOLEAN NOT NULL,
    source               TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    expires_at           BIGINT,
    last_used_at         BIGINT,
    last_used_action     TEXT,
    last_used_repository TEXT,
    last_used_address    TEXT,
    last_used_client     TEXT
);
CREATE INDEX token_account ON token (account_id, created_at);

-- What is kept of a deleted token for 90 days: clients that still use it are told why it stopped, and its owner can
-- generate a new one like it.
CREATE TABLE deleted_token (
    secret_hash  BYTEA  PRIMARY KEY,
    token_id     TEXT   NOT NULL,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    description  TEXT   NOT NULL,
    level        TEXT   NOT NULL,
    repositories TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    deleted_at   BIGINT NOT NULL
);
CREATE INDEX deleted_token_id ON deleted_token (token_id);
CREATE INDEX deleted_token_time ON deleted_token (deleted_at);

-- The keys of posted forms: each creates one token.
CREATE TABLE spent_form_key (
    key_hash BYTEA  PRIMARY KEY,
    spent_at BIGINT NOT NULL
);
CREATE INDEX spent_form_key_time ON spent_form_key (spent_at);

-- One row for each token that a person generated, kept for an hour: a token that was deleted still counts.
CREATE TABLE token_creation (
    id         TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);
CREATE INDEX token_creation_account ON token_creation (account_id, created_at);

-- The latest granted requests of a token (an empty reference) and the latest transfers that registries notified (a tag or
-- digest), a hundred of each. Equal ones within a minute are one row with a count.
CREATE TABLE token_use (
    id         TEXT   PRIMARY KEY,
    token_id   TEXT   NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    action     TEXT   NOT NULL,
    repository TEXT   NOT NULL,
    reference  TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    client     TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    times      BIGINT NOT NULL
);
CREATE INDEX token_use_token ON token_use (token_id, last_at);

-- Granted requests and refusals of a token on a day, counted in days since 1970-01-01 in UTC.
CREATE TABLE token_day (
    token_id TEXT   NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    day      BIGINT NOT NULL,
    pulls    BIGINT NOT NULL,
    pushes   BIGINT NOT NULL,
    deletes  BIGINT NOT NULL,
    refusals BIGINT NOT NULL,
    PRIMARY KEY (token_id, day)
);

-- Refusals of real tokens. Equal ones are one row with a count.
CREATE TABLE refusal (
    id          TEXT   PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_id    TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    repository  TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    client      TEXT   NOT NULL,
    description TEXT   NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    times       BIGINT NOT NULL,
    UNIQUE (account_id, token_id, code, repository, address, client)
);
CREATE INDEX refusal_account ON refusal (account_id, last_at);

-- Repositories that were pushed or created by hand. The first component of the name says who owns one: the account of that
-- name, or else the administrators.
CREATE TABLE repository (
    id                 TEXT    PRIMARY KEY,
    name               TEXT    NOT NULL UNIQUE,
    namespace          TEXT    NOT NULL,
    is_public          BOOLEAN NOT NULL,
    created_at         BIGINT  NOT NULL,
    -- The last push and pull. The token's id and description are NULL for a password and empty for an unknown token; the
    -- description stays when the token is deleted.
    pushed_at          BIGINT,
    pushed_account_id  TEXT,
    pushed_token_id    TEXT,
    pushed_description TEXT,
    pulled_at          BIGINT,
    pulled_account_id  TEXT,
    pulled_token_id    TEXT,
    pulled_description TEXT
);
CREATE INDEX repository_namespace ON repository (namespace, name);

CREATE TABLE repository_share (
    repository_id TEXT    NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    account_id    TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    can_push      BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    PRIMARY KEY (repository_id, account_id)
);
CREATE INDEX repository_share_account ON repository_share (account_id);

-- First components that administrators have used. No account can take such a name, even after the entries here are
-- removed: the registry may still hold the images.
CREATE TABLE reserved_namespace (
    namespace   TEXT   PRIMARY KEY,
    reserved_at BIGINT NOT NULL
);

-- The root certificate and the leaves under it.
CREATE TABLE signing_key (
    id            TEXT   PRIMARY KEY,
    role          TEXT   NOT NULL CHECK (role IN ('root', 'leaf')),
    generation    BIGINT NOT NULL,
    certificate   BYTEA  NOT NULL,
    sealed_key    BYTEA  NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (role, generation)
);

-- Notifications that were processed: registries repeat them until they get an answer.
CREATE TABLE registry_event (
    id          TEXT   PRIMARY KEY,
    received_at BIGINT NOT NULL
);
CREATE INDEX registry_event_time ON registry_event (received_at);

-- Tags that a client asked for with HEAD, kept for a minute: it then pulls by digest.
CREATE TABLE recent_head (
    token_id   TEXT   NOT NULL,
    repository TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    tag        TEXT   NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (token_id, repository, digest)
);
CREATE INDEX recent_head_time ON recent_head (seen_at);

-- Sign-ins that devices started (RFC 8628). Program and device are names that they claim.
CREATE TABLE device_code (
    device_hash         BYTEA  PRIMARY KEY,
    user_hash           BYTEA  NOT NULL UNIQUE,
    program             TEXT   NOT NULL,
    device              TEXT,
    address             TEXT   NOT NULL,
    -- The IPv4 address or the first 64 bits of the IPv6 address, in hexadecimal.
    network             TEXT   NOT NULL,
    state               TEXT   NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'spent')),
    account_id          TEXT   REFERENCES account (id) ON DELETE CASCADE,
    -- The account's version when it approved.
    credentials_version BIGINT NOT NULL DEFAULT 0,
    interval_ms         BIGINT NOT NULL,
    polled_at           BIGINT,
    created_at          BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL
);
CREATE INDEX device_code_pending ON device_code (state, expires_at);
CREATE INDEX device_code_network ON device_code (network, state, expires_at);

-- One row, locked by transactions that count the pending codes and add one.
CREATE TABLE device_code_lock (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO device_code_lock (id) VALUES (1);

-- A device's session. It outlives its token, to tell the device why it ended: hence no reference.
CREATE TABLE device_session (
    token_id        TEXT   PRIMARY KEY,
    refresh_hash    BYTEA  NOT NULL UNIQUE,
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    program         TEXT   NOT NULL,
    -- How often its secrets were rotated, and the last rotation whose secret was used.
    generation      BIGINT NOT NULL DEFAULT 0,
    used_generation BIGINT NOT NULL DEFAULT 0,
    refreshed_at    BIGINT NOT NULL,
    ended_at        BIGINT,
    ended           TEXT
);
CREATE INDEX device_session_account ON device_session (account_id);
CREATE INDEX device_session_end ON device_session (ended_at);

-- Refresh tokens that a rotation replaced: a client that sends one has a copy of the sign-in, or lost the answer.
CREATE TABLE previous_refresh (
    refresh_hash BYTEA  PRIMARY KEY,
    token_id     TEXT   NOT NULL REFERENCES device_session (token_id) ON DELETE CASCADE,
    -- The session's generation before the rotation.
    generation   BIGINT NOT NULL,
    rotated_at   BIGINT NOT NULL
);
CREATE INDEX previous_refresh_token ON previous_refresh (token_id, generation);

-- Secrets that a refresh replaced, while they still work.
CREATE TABLE previous_secret (
    secret_hash BYTEA  PRIMARY KEY,
    token_id    TEXT   NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    works_until BIGINT NOT NULL
);
CREATE INDEX previous_secret_token ON previous_secret (token_id);
CREATE INDEX previous_secret_end ON previous_secret (works_until);
