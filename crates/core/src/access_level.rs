//! The four access levels of a token.

use crate::named::named_enum;

named_enum! {
    /// What a token may do: pull public repositories, pull private ones, push, delete. Each level includes the ones
    /// before it.
    enum AccessLevel {
        PublicRead = "repo:public_read",
        Read = "repo:read",
        Write = "repo:write",
        Admin = "repo:admin",
    }
}

named_enum! {
    /// An action on a repository, with the names of distribution's token specification.
    enum RepositoryAction {
        Pull = "pull",
        Push = "push",
        Delete = "delete",
    }
}
