"""What becomes of each recorded request when a program makes it with this package."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import unquote

from rayconteur.providers.schema.errors import RayconteurError
from recorded_requests.expression import Expression, NotExpressible, Reader, Recorded
from recorded_requests.harmless import Rule, common_form
from recorded_requests.json_values import JSON, differences
from recorded_requests.readers import READERS, recorded_requests
from recorded_requests.sent import Sent, send_all

_model = re.compile(r"/models?/(?P<model>[^?]+)[:/](?P<method>(?:converse|\w*[gG]enerate)[\w-]*)")


@dataclass(frozen=True)
class Outcome:
    """A recorded request, and what is sent for its *expression*, or the *problem* why nothing is."""

    recorded: Recorded
    expression: Expression | None = None
    sent: Sent | None = None
    problem: str = ""

    def reason(self, without: Collection[Rule] = ()) -> str:
        """Why the request is not expressed; empty if it is. *without* are harmless differences that count."""
        if self.sent is None:
            return self.problem
        api = self.recorded.api
        recorded = common_form(with_model(self.recorded.body, self.recorded.path), api, without)
        ours = common_form(with_model(self.sent.body, self.sent.target), api, without)
        found = list(differences(recorded, ours))
        return f"{found[0]} (differences: {len(found)})" if found else ""


@cache
def outcomes() -> Mapping[str, Outcome]:
    """The outcome of each recorded request by its id; none where the recordings are missing."""
    read = {
        recorded.id: _read(recorded, reader)
        for (file, api), reader in READERS.items()
        for recorded in recorded_requests(file, api)
    }
    expressions = {key: outcome.expression for key, outcome in read.items() if outcome.expression}
    for key, result in asyncio.run(send_all(expressions)).items():
        if isinstance(result, RayconteurError):
            read[key] = replace(read[key], problem=f"rejected: {result}")
        else:
            read[key] = replace(read[key], sent=result)
    return read


def _read(recorded: Recorded, reader: Reader) -> Outcome:
    try:
        return Outcome(recorded, reader(recorded))
    except (NotExpressible, RayconteurError) as reason:
        return Outcome(recorded, problem=str(reason))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        return Outcome(recorded, problem=f"it has another form than any that is known here: {error!r}")


def with_model(body: JSON, path: str) -> JSON:
    """*body* with the model and the method, for APIs that have these in the *path*."""
    found = _model.search(unquote(path))
    return {**body, "model": found["model"], "method": found["method"]} if found else body
