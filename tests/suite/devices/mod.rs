mod code;
mod pages;
mod polls;
mod refresh;
mod revoke;
mod slots;
mod token;
