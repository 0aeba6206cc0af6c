-- What the service's role may do. {role} is its quoted name. Run after every migration; safe to repeat.
GRANT USAGE ON SCHEMA wharf, river TO {role};
GRANT USAGE, CREATE ON SCHEMA wharf_staging TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wharf TO {role};
REVOKE ALL ON wharf.tenants, wharf.users, wharf.audit_log, wharf.rate_limits, wharf.schema_migrations FROM {role};
GRANT SELECT ON wharf.tenants, wharf.audit_log, wharf.schema_migrations TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA river TO {role};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA wharf, river TO {role};
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA wharf FROM PUBLIC;
