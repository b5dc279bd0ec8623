-- Lets the metrics count tokens by source, status and expiry once a minute without reading the table.
CREATE INDEX token_expiry ON token (source, is_active, expires_at);
