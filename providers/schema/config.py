"""The base of all provider configs."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from .checks.addresses import http_url
from .checks.field_checks import check_fields
from .checks.shown import brief
from .errors import InvalidConfig, MissingKey
from .facts import ModelFacts

_SOURCE_BYTES = 8
_ADDRESSES = ("base_url", "endpoint", "endpoint_url")
"""The fields of configs that hold the address of a server."""

Seconds = Annotated[float, Meta(gt=0)]

# The second form is a password with a slash in it that is not escaped: what follows the colon is no port.
_USER = re.compile(r"^(\w[\w+.-]*://)(?:[^/?#]*@|[^/?#\[]*:(?!\d*(?:[/?#]|$)).*@)", re.DOTALL)
_QUERY = re.compile(r"[?#].*$", re.DOTALL)


def _without_credentials(address: str) -> str:
    """*address* without its user and its query, either of which may hold a password or a key."""
    return _QUERY.sub("?***", _USER.sub(r"\1***@", address))


class WithSecrets(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A struct whose fields *secrets* are neither shown nor stored, nor are those of structs in it.

    Of an address, the user, the password and the query are secret as well.

    A subclass lists its own; those of its bases stay secret.
    """

    secrets: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def secret_fields(cls) -> tuple[str, ...]:
        """The fields that are secret, those of base classes first."""
        lists = (kind.__dict__.get("secrets", ()) for kind in reversed(cls.__mro__))
        return tuple(dict.fromkeys(name for names in lists for name in names))

    def public(self) -> Self:
        """This struct without its secrets, for records, events and logs."""
        fields = {name: _public(name, value) for name, value in msgspec.structs.asdict(self).items()}
        return msgspec.structs.replace(self, **fields | dict.fromkeys(self.secret_fields()))

    # Those of msgspec would show the secrets.

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{field}={brief(value)}' for field, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        given = [
            (field.name, value)
            for field in msgspec.structs.fields(self)
            if (value := getattr(self, field.name)) != field.default
        ]
        secret = self.secret_fields()
        return [(name, "***" if name in secret else _shown_value(name, value)) for name, value in given]


def _public(name: str, value: object) -> object:
    """*value* of the field *name*, without secrets."""
    return value.public() if isinstance(value, WithSecrets) else _shown_value(name, value)


def _shown_value(name: str, value: object) -> object:
    """*value* of the field *name*, without the credentials of an address."""
    if isinstance(value, str) and "://" in value and name != "model":
        return _without_credentials(value)
    return value


_CREDENTIAL_HEADERS = {"api-key", "authorization", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"}


class RequestForm(msgspec.Struct, frozen=True, array_like=True):
    """A request as a vendor's SDK makes it, but for its body: *method*, *url* and *headers*, credentials included.

    It is for all models of a config. Like a secret, it is not shown.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"  # an address may contain a password, too

    def __rich_repr__(self) -> list[Any]:
        return ["***"]

    @property
    def credentials(self) -> tuple[str, ...]:
        """The values of headers that authenticate: an SDK may make them of a password in the address."""
        return tuple(value.rpartition(" ")[2] for name, value in self.headers if name.lower() in _CREDENTIAL_HEADERS)

    def with_headers(self, headers: Mapping[str, str | None]) -> Self:
        """This form with *headers*: in the place of those of the same name, or behind all others. None removes one."""
        given = {name.lower(): (name, value) for name, value in headers.items()}
        pairs = [(name, given.pop(name.lower(), ("", value))[1]) for name, value in self.headers]
        pairs += given.values()
        kept = tuple((name, value) for name, value in pairs if value is not None)
        return msgspec.structs.replace(self, headers=kept)


RequestForms = dict[str, RequestForm]
"""The forms of all requests of a config, by their path or by another name that the vendor's client knows."""


class Config(WithSecrets, frozen=True, kw_only=True, tag_field="provider", tag=str.lower, omit_defaults=True):
    """A provider as one session uses it. *facts* overrides what the tables know about the model.

    Subclasses list the fields that are *secrets*, and as *identity* those that name the endpoint and the account.
    *limits_cached_input*: input that is read from a cache counts against the limits of the account.
    """

    identity: ClassVar[tuple[str, ...]] = ()
    limits_cached_input: ClassVar[bool] = True

    model: str
    facts: ModelFacts = ModelFacts()

    @property
    def name(self) -> str:
        """The provider's name: its tag."""
        return str(type(self).__struct_config__.tag)

    @property
    def service(self) -> str:
        """The name by which people know it: that of the preset that it was made from, or else the provider's."""
        return self.name

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with its credentials, taken from *environ* where it has none itself.

        Raises:
            MissingKey: there is no credential; the variable is named.
            InvalidConfig: fields contradict each other.
        """
        del environ
        return self

    @property
    def credential_variables(self) -> tuple[str, ...]:
        """The environment variables that the credential of this config, resolved, may have come from.

        Failures name them.
        """
        return ()

    @property
    def source(self) -> str:
        """A fingerprint of the model, the endpoint and the account of this config, resolved: an ``Origin.source``.

        It reveals none of them.
        """
        return self._fingerprint(self.model)

    @property
    def account(self) -> str:
        """A fingerprint of the endpoint and the account of this config, resolved. It reveals neither."""
        return self._fingerprint("")

    def _fingerprint(self, model: str) -> str:
        parts = (self.name, model, *(getattr(self, field) for field in self.identity))
        return blake2b(msgspec.msgpack.encode(parts), digest_size=_SOURCE_BYTES).hexdigest()

    def __post_init__(self) -> None:
        check_fields(self, "provider")
        if not self.model:
            raise InvalidConfig("provider.model", "give the model's name")


class HTTPConfig(Config, frozen=True, kw_only=True):
    """The base of configs of providers that are reached over HTTP.

    *connect_timeout_s* bounds connecting, *idle_timeout_s* the silence between two reads of an answer (a model may
    think for long before it writes), *progress_timeout_s* the time in which nothing but keep-alives arrives.

    *extra_body* holds members of the request's JSON that this package does not know; objects are merged. A member that
    the package sets itself is rejected. *extra_headers* are sent with each request; like keys, their values are kept
    secret.

    *request_forms* are made by the vendor's SDK where a session is spawned, so that the session's process does without
    the SDK. Leave them out.
    """

    secrets: ClassVar[tuple[str, ...]] = ("extra_headers", "request_forms")

    connect_timeout_s: Seconds = 10.0
    idle_timeout_s: Seconds = 600.0
    progress_timeout_s: Seconds = 1_200.0
    extra_body: dict[str, Any] | None = None
    extra_headers: dict[str, str] | None = None
    request_forms: RequestForms | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_addresses(self)

    @property
    def header_secrets(self) -> tuple[str, ...]:
        """The values of headers that must not appear in errors."""
        forms = (self.request_forms or {}).values()
        return *(self.extra_headers or {}).values(), *(value for form in forms for value in form.credentials)

    def form_of(self, name: str) -> RequestForm:
        """The form of the requests called *name*.

        Raises:
            InvalidConfig: there is none.
        """
        form = (self.request_forms or {}).get(name)
        if form is None:
            raise InvalidConfig("provider.request_forms", f"there is no form of {name!r}; leave the field out")
        return form


def check_addresses(config: HTTPConfig) -> None:
    """Raises:
    InvalidConfig: an address in *config* is none; the field is named.
    """
    for field in config.__struct_fields__:
        if field in _ADDRESSES and (address := getattr(config, field)):
            http_url(address, f"provider.{field}")


def require_credential(provider: str, field: str, given: str | None, environ: Mapping[str, str], variable: str) -> str:
    """The credential *given* in the config, or else the one in *variable* of *environ*.

    Raises:
        MissingKey: there is none; *provider*, *field* and *variable* are named.
    """
    key = given or environ.get(variable)
    if not key or not key.strip():
        raise MissingKey(provider, field, variable)
    return key
