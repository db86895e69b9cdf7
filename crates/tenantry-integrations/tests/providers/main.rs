//! Each client against its provider's stand-in: what goes well, every refusal of the provider's, and every way in which a
//! server can behave badly. [`hostile`] tells how a client is added.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod chat;
mod contracts;
mod erpnext;
mod google_calendar;
mod hostile;
mod messengers;
mod odoo;
mod site;
mod weaviate;
