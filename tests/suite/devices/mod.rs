mod code;
mod pages;
mod polls;
mod refresh;
mod revoke;
mod rotation;
mod slots;
mod token;
