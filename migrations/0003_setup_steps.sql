-- What is left to do after the first account exists: see src/setup_steps/.

CREATE TABLE setup_step (
    name         TEXT   PRIMARY KEY,
    -- When it was last done: the last backup, and about when the last notification came. NULL where that is seen elsewhere.
    done_at      BIGINT,
    -- When an administrator dismissed it, or said that it is done.
    dismissed_at BIGINT
);
