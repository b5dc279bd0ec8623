-- The metrics count tokens by source, state and expiry once a minute, from this index alone.
CREATE INDEX token_expiry ON token (source, is_active, expires_at);
