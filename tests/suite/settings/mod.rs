mod activity;
mod close_account;
mod general;
mod preferences;
mod recovery_codes;
mod sessions;
mod two_factor;
