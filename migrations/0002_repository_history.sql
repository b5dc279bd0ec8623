-- What registries notified of a repository: pushes and deletions, newest 500 of each repository for 90 days.

CREATE TABLE repository_change (
    id            TEXT   PRIMARY KEY,
    repository_id TEXT   NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    action        TEXT   NOT NULL,
    -- Empty where the client named the digest.
    tag           TEXT   NOT NULL,
    -- Empty where a tag was deleted.
    digest        TEXT   NOT NULL,
    -- As for a repository's last push.
    account_id    TEXT,
    token_id      TEXT,
    description   TEXT,
    client        TEXT   NOT NULL,
    changed_at    BIGINT NOT NULL
);
CREATE INDEX repository_change_repository ON repository_change (repository_id, changed_at);
CREATE INDEX repository_change_time ON repository_change (changed_at);

-- The digest of a transfer, beside its tag.
ALTER TABLE token_use ADD COLUMN digest TEXT NOT NULL DEFAULT '';
