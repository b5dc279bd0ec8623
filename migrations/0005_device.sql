-- Sign-ins that devices began (RFC 8628). Both codes are stored as their SHA-256 alone; names are as claimed.
CREATE TABLE device_code (
    device_hash BYTEA  PRIMARY KEY,
    user_hash   BYTEA  NOT NULL UNIQUE,
    program     TEXT   NOT NULL,
    device      TEXT,
    address     TEXT   NOT NULL,
    network     TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'spent')),
    account_id  TEXT   REFERENCES account (id) ON DELETE CASCADE,
    interval_ms BIGINT NOT NULL,
    polled_at   BIGINT,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX device_code_pending ON device_code (state, expires_at);
CREATE INDEX device_code_network ON device_code (network, state, expires_at);

-- One row: whoever counts the codes that wait and adds one holds it meanwhile.
CREATE TABLE device_door (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO device_door (id) VALUES (1);

-- The session of a device: its refresh token, by its hash. It outlives its token, so that the device is told what
-- became of it; hence no reference.
CREATE TABLE device_session (
    refresh_hash BYTEA  PRIMARY KEY,
    token_id     TEXT   NOT NULL UNIQUE,
    account_id   TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    program      TEXT   NOT NULL,
    refreshed_at BIGINT NOT NULL,
    ended_at     BIGINT,
    ended        TEXT
);
CREATE INDEX device_session_account ON device_session (account_id);
CREATE INDEX device_session_end ON device_session (ended_at);

-- Secrets that a refresh replaced, for as long as they still work.
CREATE TABLE previous_secret (
    secret_hash BYTEA  PRIMARY KEY,
    token_id    TEXT   NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    works_until BIGINT NOT NULL
);
CREATE INDEX previous_secret_token ON previous_secret (token_id);
CREATE INDEX previous_secret_end ON previous_secret (works_until);
