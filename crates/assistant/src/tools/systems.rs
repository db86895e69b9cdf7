//! A company's systems: which of them can be asked, and which not for now.

use tenantry::TenantConfig;
use tenantry_core::settings::LeftOut;
use tenantry_integrations::erpnext::ErpNext;
use tenantry_integrations::google_calendar::GoogleCalendar;
use tenantry_integrations::odoo::Odoo;
use tenantry_integrations::weaviate::Weaviate;

use super::{CALENDAR, ERP, KNOWLEDGE, ToolError, unknown};
use crate::settings::{Settings, Tool};
use crate::unreadable::unreadable;

/// A company's settings, with the connections that could not be part of them.
#[derive(Clone, Copy, Debug)]
pub struct Systems<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The connections that could not be part of them.
    pub left_out: &'a [LeftOut],
}

impl<'a> From<&'a TenantConfig<Settings>> for Systems<'a> {
    fn from(config: &'a TenantConfig<Settings>) -> Self {
        Self { settings: config, left_out: config.unavailable() }
    }
}

impl<'a> From<&'a Settings> for Systems<'a> {
    /// Settings of which nothing was left out.
    fn from(settings: &'a Settings) -> Self {
        Self { settings, left_out: &[] }
    }
}

/// The one ERP system that is asked.
pub(super) enum Erp<'a> {
    Odoo(&'a Odoo),
    ErpNext(&'a ErpNext),
}

impl<'a> Systems<'a> {
    /// Whether a tool has a system to ask, now or when its secret can be read again.
    pub(super) fn serve(self, tool: Tool) -> bool {
        let failure = match tool {
            Tool::FindPartner | Tool::ListOpenInvoices | Tool::GetStock => self.erp().err(),
            Tool::ListEvents => self.calendar().err(),
            Tool::SearchKnowledge => self.knowledge().err(),
        };
        failure.is_none_or(|error| matches!(error, ToolError::Away { .. }))
    }

    /// Odoo, or ERPNext where Odoo is not set. Where it is set and cannot be asked, ERPNext would answer for another system.
    pub(super) fn erp(self) -> Result<Erp<'a>, ToolError> {
        match found(self.settings.odoo.as_ref(), self.left_out, "odoo", ERP)? {
            Some(odoo) => Ok(Erp::Odoo(odoo)),
            None => self.only(self.settings.erpnext.as_ref(), "erpnext", ERP).map(Erp::ErpNext),
        }
    }

    pub(super) fn calendar(self) -> Result<&'a GoogleCalendar, ToolError> {
        self.only(self.settings.google.as_ref(), "google", CALENDAR)
    }

    pub(super) fn knowledge(self) -> Result<&'a Weaviate, ToolError> {
        self.only(self.settings.weaviate.as_ref(), "weaviate", KNOWLEDGE)
    }

    fn only<T>(self, connection: Option<&'a T>, section: &str, system: &'static str) -> Result<&'a T, ToolError> {
        found(connection, self.left_out, section, system)?.ok_or_else(|| unknown(&[]))
    }
}

/// A connection, if it is set; an error if it is, and cannot be used for now.
fn found<'a, T>(
    connection: Option<&'a T>,
    left_out: &[LeftOut],
    section: &str,
    system: &'static str,
) -> Result<Option<&'a T>, ToolError> {
    match connection {
        None if unreadable(left_out, section).is_some() => Err(ToolError::Away { system }),
        connection => Ok(connection),
    }
}
