-- Without it, SQLite looks for the manual tokens of an account among those of everyone: 160 ms with a million tokens.
CREATE INDEX token_of_account ON token (account_id, source, expires_at);
