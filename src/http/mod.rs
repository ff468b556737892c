//! The only code that knows actix: routes, extractors, problems. Handlers parse, call a service, present.
