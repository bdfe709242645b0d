-- The first start of docker-compose.yml's PostgreSQL: a database a service, each with its own role, none able to
-- reach another's. Passwords for this machine alone.
CREATE ROLE auth LOGIN PASSWORD 'auth-for-local-use-only';
CREATE ROLE crm LOGIN PASSWORD 'crm-for-local-use-only';
CREATE ROLE orders LOGIN PASSWORD 'orders-for-local-use-only';

CREATE DATABASE auth OWNER auth;
CREATE DATABASE crm OWNER crm;
CREATE DATABASE orders OWNER orders;

REVOKE CONNECT ON DATABASE auth, crm, orders FROM PUBLIC;
