import pytest

from services.local_stack import LocalStack, StackError, stack_environment


def test_the_addresses_follow_from_the_ports() -> None:
    environment = stack_environment({"AUTH_PORT": "7000", "CRM_PORT": "7001"})
    assert environment["AUTH_ISSUER"] == "http://localhost:7000"
    assert environment["CRM_ISSUER"] == environment["ORDERS_ISSUER"] == "http://localhost:7000"
    assert environment["CRM_AUDIENCE"] == "http://localhost:7001"
    assert environment["ORDERS_AUDIENCE"] == "http://localhost:9002"
    assert environment["ORDERS_CRM_AUDIENCE"] == environment["CRM_AUDIENCE"]


def test_what_is_set_stays() -> None:
    given = {"AUTH_ISSUER": "https://id.example", "CRM_AUDIENCE": "https://crm.example", "ENVIRONMENT": "production"}
    environment = stack_environment(given)
    assert {name: environment[name] for name in given} == given
    assert environment["ORDERS_ISSUER"] == "https://id.example"


def test_the_rest_of_the_environment_is_handed_on() -> None:
    assert stack_environment({"PATH": "/bin"})["PATH"] == "/bin"


def test_it_is_the_local_stack_unless_told_otherwise() -> None:
    assert LocalStack(stack_environment({})).local
    assert not LocalStack(stack_environment({"ENVIRONMENT": "production"})).local


def test_a_port_that_is_no_number_is_named() -> None:
    stack = LocalStack(stack_environment({"CRM_PORT": "many"}))
    with pytest.raises(StackError, match="CRM_PORT: must be a number, not 'many'"):
        stack.address("crm")


def test_over_tls_the_addresses_are_https_and_all_three_know_the_files() -> None:
    environment = stack_environment({"TLS": "1", "DATA_DIR": "data", "SSL_CERT_FILE": "/else/where.pem"})
    assert environment["AUTH_ISSUER"] == environment["CRM_ISSUER"] == "https://localhost:9000"
    assert environment["CRM_AUDIENCE"] == "https://localhost:9001"
    for name in ("AUTH", "CRM", "ORDERS"):
        assert environment[f"{name}_TLS_CERT_FILE"] == "data/tls/tls.crt"
        assert environment[f"{name}_TLS_KEY_FILE"] == "data/tls/tls.key"
    assert environment["SSL_CERT_FILE"] == "data/tls/ca.crt"
    assert LocalStack(environment).address("orders") == "https://localhost:9002"


@pytest.mark.parametrize("value", ["", "0"])
def test_without_tls_nothing_of_it_is_set(value: str) -> None:
    environment = stack_environment({"TLS": value})
    assert environment["AUTH_ISSUER"] == "http://localhost:9000"
    assert "SSL_CERT_FILE" not in environment


def test_a_wrong_tls_is_one_clear_line() -> None:
    with pytest.raises(StackError, match=r"TLS: must be 1 \(https\) or 0 \(http\), not 'yes'"):
        stack_environment({"TLS": "yes"})
