//! Who may do what: roles, and the one table of their permissions.
//!
//! There is no way from one tenant's token to another tenant's scope: a token carries its scope, and a handler asks
//! [`Principal::may`] with the scope that the path names.

use std::fmt;
use std::str::FromStr;

use tenantry_core::scope::Scope;

/// What somebody is, and so what they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the service: everything, but seeing a tenant's secrets.
    Operator,
    /// Runs one company's configuration: everything of its own.
    TenantAdmin,
    /// Changes one company's values, but neither its secrets nor its tokens.
    TenantEditor,
    /// Sees one company's values.
    TenantViewer,
}

/// Something that needs to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See values, origins, history.
    Read,
    /// Set and unset values.
    Write,
    /// Set and unset secrets, which nobody sees, and what decides where they go: the other fields of their connections.
    WriteSecrets,
    /// Make and revoke tokens.
    ManageTokens,
    /// Create, suspend, resume and delete tenants.
    ManageTenants,
    /// Use the application.
    Use,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Write, Self::WriteSecrets, Self::ManageTokens, Self::ManageTenants, Self::Use];

    /// Whether it is one to see and to use, and not to change anything.
    pub fn is_to_see(self) -> bool {
        matches!(self, Self::Read | Self::Use)
    }

    /// The permission's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::WriteSecrets => "write-secrets",
            Self::ManageTokens => "manage-tokens",
            Self::ManageTenants => "manage-tenants",
            Self::Use => "use",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Operator, Self::TenantAdmin, Self::TenantEditor, Self::TenantViewer];

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::TenantAdmin => "tenant-admin",
            Self::TenantEditor => "tenant-editor",
            Self::TenantViewer => "tenant-viewer",
        }
    }

    /// The table of permissions.
    pub fn has(self, permission: Permission) -> bool {
        use Permission::{ManageTokens, Read, Use, Write, WriteSecrets};
        match self {
            Self::Operator => true,
            Self::TenantAdmin => matches!(permission, Read | Write | WriteSecrets | ManageTokens | Use),
            Self::TenantEditor => matches!(permission, Read | Write | Use),
            Self::TenantViewer => matches!(permission, Read | Use),
        }
    }

    /// Whether a token of this role can be a scope's: an operator's is global, all others are a tenant's.
    pub fn fits(self, scope: &Scope) -> bool {
        (self == Self::Operator) == (*scope == Scope::Global)
    }

    /// The roles that fit a scope, for messages.
    pub fn choices(scope: &Scope) -> String {
        Self::ALL.into_iter().filter(|role| role.fits(scope)).map(Self::name).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: use operator, tenant-admin, tenant-editor or tenant-viewer")]
pub struct UnknownRole(String);

/// Who asks: what is known of a verified token.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The scope that the token is for.
    pub scope: Scope,
    /// Its role.
    pub role: Role,
    /// What the log calls it.
    pub actor: String,
    /// By what it is known.
    pub credential: Credential,
}

/// By what somebody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An API token of this id.
    Token(String),
    /// A token of an identity provider.
    Issued {
        /// What the provider calls whoever it is.
        subject: String,
        /// When the token ends.
        ends: jiff::Timestamp,
    },
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token {id}"),
            Self::Issued { subject, .. } => write!(f, "issued to {subject}"),
        }
    }
}

impl Principal {
    /// Whether the principal may do something in a scope.
    pub fn may(&self, permission: Permission, scope: &Scope) -> Access {
        let reaches = self.scope == Scope::Global || self.scope == *scope;
        match (reaches, self.role.fits(&self.scope) && self.role.has(permission)) {
            (false, _) => Access::Hidden,
            (true, false) => Access::Denied,
            (true, true) => Access::Allowed,
        }
    }
}

/// The answer to who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Allowed,
    /// No, and the permission that lacks may be named.
    Denied,
    /// For this principal the thing does not exist.
    Hidden,
}

#[cfg(test)]
mod tests {
    use tenantry_core::scope::TenantId;

    use super::*;

    fn tenant(id: &str) -> Scope {
        Scope::Tenant(TenantId::parse(id).unwrap())
    }

    fn principal(role: Role, scope: Scope) -> Principal {
        Principal { scope, role, actor: "test".to_owned(), credential: Credential::Token(String::new()) }
    }

    #[test]
    fn the_table_of_permissions_is_as_written() {
        let row = |role: Role| Permission::ALL.map(|permission| if role.has(permission) { 'x' } else { '-' });
        let table = Role::ALL.map(|role| row(role).iter().collect::<String>());
        assert_eq!(table, ["xxxxxx", "xxxx-x", "xx---x", "x----x"]);
    }

    #[test]
    fn another_tenants_scope_and_the_global_one_do_not_exist_for_a_tenant() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Operator) {
            for permission in Permission::ALL {
                assert_eq!(principal(role, tenant("acme")).may(permission, &tenant("beta")), Access::Hidden);
                assert_eq!(principal(role, tenant("acme")).may(permission, &Scope::Global), Access::Hidden);
            }
        }
    }

    #[test]
    fn the_operator_reaches_every_scope() {
        for scope in [Scope::Global, tenant("acme")] {
            assert_eq!(principal(Role::Operator, Scope::Global).may(Permission::Write, &scope), Access::Allowed);
        }
    }

    #[test]
    fn a_role_in_a_scope_where_it_does_not_belong_may_do_nothing() {
        for permission in Permission::ALL {
            assert_eq!(principal(Role::Operator, tenant("acme")).may(permission, &tenant("acme")), Access::Denied);
            assert_eq!(principal(Role::TenantAdmin, Scope::Global).may(permission, &tenant("acme")), Access::Denied);
        }
    }

    #[test]
    fn a_role_reads_back_what_it_writes() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
