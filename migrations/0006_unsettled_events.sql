-- Notifications whose token is not told yet: the note of what it was granted may still be on its way, from another server
-- too.
CREATE TABLE unsettled_event (
    id          TEXT   PRIMARY KEY REFERENCES registry_event (id) ON DELETE CASCADE,
    received_at BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    action      TEXT   NOT NULL,
    repository  TEXT   NOT NULL,
    moved       TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    client      TEXT   NOT NULL
);
CREATE INDEX unsettled_event_time ON unsettled_event (received_at);

-- A repository's pushed_token_id and pulled_token_id are NULL for a password. From here on they are empty where nobody can
-- tell what an account moved it with.

-- What an account's password was granted on repositories: what was moved with it is no token's. Those within a minute are
-- one row, and of an account the newest are kept.
CREATE TABLE password_use (
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    repository TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, repository, action, first_at)
);
CREATE INDEX password_use_time ON password_use (last_at);
