"""Failure budgets in the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, select, update

from services.auth.accounts.failure_budget import Budget, BudgetKey
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import failure_budgets
from shared.database import Connection

_row = failure_budgets.c


@dataclass(frozen=True)
class SqlFailureBudgets:
    """Implements `accounts.failure_budget.FailureBudgets`."""

    connection: Connection

    def find(self, budget_key: BudgetKey) -> Budget | None:
        query = select(_row.failures, _row.blocked_until).where(_row.budget_key == budget_key.value)
        row = self.connection.execute(query).one_or_none()
        return None if row is None else Budget(row.failures, row.blocked_until)

    def count(self, budget_key: BudgetKey, *, read: Budget | None, write: Budget, now: datetime) -> bool:
        values = {"failures": write.failures, "blocked_until": write.blocked_until, "updated_at": now}
        if read is None:
            row = {"budget_key": budget_key.value, "account_hash": budget_key.account, **values}
            return insert_if_absent(self.connection, failure_budgets, row, conflict=["budget_key"])
        unchanged = _row.blocked_until.is_not_distinct_from(read.blocked_until)
        change = (
            update(failure_budgets)
            .where(_row.budget_key == budget_key.value, _row.failures == read.failures, unchanged)
            .values(**values)
        )
        return self.connection.execute(change).rowcount == 1

    def refund(self, budget_key: BudgetKey, *, counted: int) -> None:
        statement = (
            update(failure_budgets)
            .where(_row.budget_key == budget_key.value, _row.failures > 0)
            .values(
                failures=_row.failures - 1,
                blocked_until=case((_row.failures == counted, None), else_=_row.blocked_until),
            )
        )
        self.connection.execute(statement)

    def reset(self, budget_key: BudgetKey) -> None:
        self.connection.execute(delete(failure_budgets).where(_row.budget_key == budget_key.value))

    def reset_account(self, account: bytes) -> bool:
        statement = delete(failure_budgets).where(_row.account_hash == account).returning(_row.failures)
        return any(failures > 0 for failures in list(self.connection.execute(statement).scalars()))
