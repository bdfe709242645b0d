from pathlib import Path
from typing import Any

import pytest

from shared.config_file import line_numbers, load_config
from shared.errors import ConfigurationError


def load(tmp_path: Path, text: str, **environment: str) -> dict[str, Any]:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, environment)


@pytest.mark.parametrize(
    ("value", "environment", "expanded"),
    [
        ("plain", {}, "plain"),
        ("${NAME}", {"NAME": "x"}, "x"),
        ("${NAME:-default}", {}, "default"),
        ("${NAME:-default}", {"NAME": ""}, "default"),
        ("${NAME:-default}", {"NAME": "x"}, "x"),
        ("${NAME:-}", {}, ""),
        ("${URL:-http://localhost:${PORT:-9001}}/x", {}, "http://localhost:9001/x"),
        ("${URL:-http://localhost:${PORT:-9001}}/x", {"PORT": "7"}, "http://localhost:7/x"),
        ("${URL:-http://localhost:${PORT:-9001}}/x", {"URL": "https://a"}, "https://a/x"),
        ("${A}-${B}", {"A": "1", "B": "2"}, "1-2"),
        ("$NAME and $", {}, "$NAME and $"),
        ("${A}-${B}", {"A": "${B}", "B": "secret"}, "${B}-secret"),
        ("${A:-${B}}", {"B": "${A:-x}"}, "${A:-x}"),
        ("${A}", {"A": "${"}, "${"),
        ("${A:-{x}}", {}, "{x}"),
        ("${open", {}, "${open"),
    ],
)
def test_values_expand(tmp_path: Path, value: str, environment: dict[str, str], expanded: str) -> None:
    assert load(tmp_path, f"key: '{value}'", **environment) == {"key": expanded}


def test_lists_and_mappings_expand_but_keys_do_not(tmp_path: Path) -> None:
    text = "'${A}': [{b: '${A}'}, 3, true, null]"
    assert load(tmp_path, text, A="x") == {"${A}": [{"b": "x"}, 3, True, None]}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: ${NAME}", r"\$\{NAME\} is not set"),
        ("- a", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("a: [", "is not YAML"),
        ("a: !!python/object/apply:os.system [true]", "is not YAML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"config\.yaml: .*{complaint}"):
        load(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read: No such file"):
        load_config(tmp_path / "none.yaml", {})


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not YAML"):
        load_config(file, {})


def test_a_secret_may_come_from_the_file_that_its_name_names(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text("client_secret: ${SECRET:-published}", encoding="utf-8")
    named = {"SECRET_FILE": str(tmp_path / "secret")}
    assert load_config(config, named)["client_secret"] == "from-a-file"
    assert load_config(config, {**named, "SECRET": "given"})["client_secret"] == "given"
    assert load_config(config, {"SECRET_FILE": ""})["client_secret"] == "published"
    with pytest.raises(ConfigurationError, match="SECRET_FILE: cannot read"):
        load_config(config, {"SECRET_FILE": str(tmp_path / "none")})


def test_each_value_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a:\n  - b: 1\n    c:\n      - x\n      - y\n", encoding="utf-8")
    lines = line_numbers(file)
    assert (
        lines["a", 0, "b"] == f"{file}:2" and lines["a", 0, "c"] == f"{file}:3" and lines["a", 0, "c", 1] == f"{file}:5"
    )


def test_what_is_known_comes_before_the_default_and_after_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: ${A:-default}", encoding="utf-8")
    assert load_config(file, {}, known={"A": "known"}) == {"a": "known"}
    assert load_config(file, {"A": "given"}, known={"A": "known"}) == {"a": "given"}
    assert load_config(file, {"A": ""}, known={"A": "known"}) == {"a": "known"}
