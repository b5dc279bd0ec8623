-- What the refused request was for, of those that asked for a repository.
ALTER TABLE refusal ADD COLUMN action TEXT NOT NULL DEFAULT 'push';
ALTER TABLE installation ADD COLUMN written_at BIGINT NOT NULL DEFAULT 0;
