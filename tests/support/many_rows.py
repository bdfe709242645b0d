"""SQL that makes very many rows on either backend: numbers, and ids and moments of them."""

# ruff: noqa: S608 - every name in these statements is ours

ROWS = 100_000

#: A table `n` of the numbers from 1 to ROWS, by backend; below, expressions of its `n`.
NUMBERS = {
    "postgresql": f"generate_series(1, {ROWS}) AS numbers(n)",
    "sqlite": f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) SELECT n FROM c)",
}
IDS = {"postgresql": "lpad(to_hex(n), 32, '0')::uuid", "sqlite": "printf('%032x', n)"}
#: A second each, from 2030 on.
TIMES = {
    "postgresql": "timestamptz '2030-01-01 00:00:00Z' + n * interval '1 second'",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', '2030-01-01', '+' || n || ' seconds')",
}
