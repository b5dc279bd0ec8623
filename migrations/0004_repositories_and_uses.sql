-- Repositories that were pushed or made by hand. Whose one is follows from the first component of its name: the account
-- of that name, or else the administrators.
CREATE TABLE repository (
    id                 TEXT    PRIMARY KEY,
    name               TEXT    NOT NULL UNIQUE,
    namespace          TEXT    NOT NULL,
    is_public          BOOLEAN NOT NULL,
    created_at         BIGINT  NOT NULL,
    -- The last push and pull, by which account and with which token; what the token was called stays when it is gone.
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

-- First components that the administrators have used, and no account can be named after: whatever became of their
-- entries here, the registry may still hold the images.
CREATE TABLE reserved_namespace (
    namespace   TEXT   PRIMARY KEY,
    reserved_at BIGINT NOT NULL
);

-- Whether what the account pushes first is public.
ALTER TABLE account ADD COLUMN pushes_are_public BOOLEAN NOT NULL DEFAULT FALSE;

-- The repositories that a token is limited to, a name or pattern a line; all where there is none.
ALTER TABLE token ADD COLUMN repositories TEXT;
-- What the last use was.
ALTER TABLE token ADD COLUMN last_used_action TEXT;
ALTER TABLE token ADD COLUMN last_used_repository TEXT;
ALTER TABLE token ADD COLUMN last_used_address TEXT;
ALTER TABLE token ADD COLUMN last_used_client TEXT;

-- From these a new token like the deleted one can be made.
ALTER TABLE deleted_token ADD COLUMN token_id TEXT;
ALTER TABLE deleted_token ADD COLUMN level TEXT;
ALTER TABLE deleted_token ADD COLUMN repositories TEXT;
ALTER TABLE deleted_token ADD COLUMN created_at BIGINT;
ALTER TABLE deleted_token ADD COLUMN expires_at BIGINT;
CREATE INDEX deleted_token_id ON deleted_token (token_id);

-- The latest uses of a token, at most a hundred. Equal ones within a minute are one row with a count.
CREATE TABLE token_use (
    id         TEXT   PRIMARY KEY,
    token_id   TEXT   NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    action     TEXT   NOT NULL,
    repository TEXT   NOT NULL,
    moved      TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    client     TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    times      BIGINT NOT NULL
);
CREATE INDEX token_use_token ON token_use (token_id, last_at);

-- Uses and refusals of a token a day; the day counts from 1970-01-01 in UTC.
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
    address     TEXT   NOT NULL,
    client      TEXT   NOT NULL,
    description TEXT   NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    times       BIGINT NOT NULL,
    UNIQUE (account_id, token_id, code, repository, address, client)
);
CREATE INDEX refusal_account ON refusal (account_id, last_at);

-- Notifications that were taken in: registries repeat them until they are answered.
CREATE TABLE registry_event (
    id          TEXT   PRIMARY KEY,
    received_at BIGINT NOT NULL
);
CREATE INDEX registry_event_time ON registry_event (received_at);
