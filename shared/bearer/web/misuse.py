"""Ways to write a protected route that look right and protect nothing: each is an error when the route is made.

Policy: ADR-0040
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

from fastapi.dependencies.models import Dependant

from shared.bearer.principal import Principal
from shared.bearer.web.requirements import Requirement, require_auth, require_scope

_FACTORIES = (require_auth, require_scope)


class UnprotectedRoute(TypeError):
    """A route would let everybody in, or let the caller say who it is; the message says which, and the remedy."""


def requirements_in(dependant: Dependant) -> Iterator[Requirement]:
    """Yield what is required in a way that FastAPI sees, also by a dependency of a dependency."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requirement):
            yield dependency.call
        yield from requirements_in(dependency)


def require_sound(where: str, dependant: Dependant) -> None:
    """Return if each dependency of the route `where` is what it seems to be.

    Raises:
        UnprotectedRoute: it is not.
    """
    for dependency in dependant.dependencies:
        call = dependency.call
        if call in _FACTORIES or (inspect.isclass(call) and issubclass(call, Requirement)):
            name = getattr(call, "__name__", "a requirement")
            raise UnprotectedRoute(f"{where}: Depends({name}) asks nothing: call it, as in Depends({name}(...))")
        if call is Principal:
            raise UnprotectedRoute(f"{where}: a Principal made from the request is what its caller says it is")
        if isinstance(call, Requirement) and dependency.own_oauth_scopes:
            raise UnprotectedRoute(f"{where}: the scopes of Security(...) are not asked for: use require_scope(...)")
        require_sound(where, dependency)
    _require_principals_from_requirements(where, dependant)


def _require_principals_from_requirements(where: str, dependant: Dependant) -> None:
    by_name = {dependency.name: dependency for dependency in dependant.dependencies if dependency.name}
    for name in _principal_parameters(dependant.call):
        found = by_name.get(name)
        if found is None or not (isinstance(found.call, Requirement) or any(requirements_in(found))):
            raise UnprotectedRoute(
                f"{where}: `{name}` is a Principal that no requirement stands behind: use Depends(require_scope(...))"
            )


def _principal_parameters(call: Callable[..., Any] | None) -> Iterator[str]:
    if call is None or isinstance(call, Requirement):
        return
    try:
        hints, parameters = get_type_hints(call, include_extras=True), inspect.signature(call).parameters
    except (NameError, TypeError, ValueError):  # a name that is not known here: FastAPI has its say on it
        return
    yield from (name for name, hint in hints.items() if name in parameters and _means_principal(hint))


def _means_principal(hint: Any) -> bool:
    return hint is Principal or any(_means_principal(part) for part in get_args(hint))
