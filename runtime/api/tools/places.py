"""Where tools run on Ray, and what a session needs to run them there."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import short_repr
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.request import Positive
from ....providers.schema.tools import Tool

NotNegative = Annotated[float, Meta(ge=0)]


class RayTask(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="task"):
    """A task on Ray runs the tool, on a node that has what it requests.

    It requests *num_cpus*, *num_gpus*, *memory_bytes* and *resources*, which have names of your own; requests are no
    limits. *runtime_env* is Ray's: packages and variables, for instance.

    Raises:
        InvalidConfig: a field is invalid; it is named.
    """

    __repr__ = short_repr

    num_cpus: NotNegative = 1.0
    num_gpus: NotNegative = 0.0
    memory_bytes: Positive | None = None
    resources: dict[str, NotNegative] = {}
    runtime_env: dict[str, Any] = {}

    def __post_init__(self) -> None:
        check_fields(self, "tool.runs")
        if own := {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory_bytes"}.keys() & self.resources:
            raise InvalidConfig(
                "tool.runs.resources", f"{min(own)} has a field of its own: num_cpus, num_gpus or memory_bytes"
            )

    def requested(self) -> dict[str, float]:
        """What it requests, by the names that Ray has for it."""
        own = {"CPU": self.num_cpus, "GPU": self.num_gpus, "memory": float(self.memory_bytes or 0)}
        return {name: amount for name, amount in (own | self.resources).items() if amount}


class ActorMethod(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="actor"):
    """A method of the Ray actor called *actor_name* in *namespace* runs the tool. It gets the input as its arguments.

    By default, *method* has the name of the decorated function, and *namespace* is that of the program.

    Raises:
        InvalidConfig: a field is invalid; it is named.
    """

    __repr__ = short_repr

    actor_name: str
    method: str = ""
    namespace: str = ""

    def __post_init__(self) -> None:
        check_fields(self, "tool.runs")
        if not self.actor_name:
            raise InvalidConfig("tool.runs.actor_name", "give the name that the actor was started with")


Place = RayTask | ActorMethod


class ShippedRun(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How a session runs a tool on Ray: the form of ``Tool.shipped``.

    *function* is what runs it, pickled: only the process that runs it reads it. A run takes at most *timeout_s*, and
    the model is given at most *max_result_bytes* of the text of its result at once. At most *max_parallel* run at a
    time; those that are not *parallel* run alone. One that fails is repeated up to *retries* times.
    """

    __repr__ = short_repr

    place: Place
    function: bytes
    timeout_s: float | None
    parallel: bool
    max_parallel: int
    max_result_bytes: int
    retries: int = 0

    def on(self, definition: Tool) -> Tool:
        """*definition*, with this run."""
        return msgspec.structs.replace(definition, shipped=_encode(self))

    @classmethod
    def of(cls, tool: Tool) -> "ShippedRun":
        """How *tool*, which is ``shipped``, is run."""
        assert tool.shipped is not None
        return _decode(tool.shipped)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ShippedRun).decode
