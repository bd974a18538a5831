"""Errors, grouped by what the caller does next.

    RayconteurError
        ConfigError                     fix the program or its environment
            InvalidConfig                   an invalid field
            UnknownProvider                 no provider of that name
            MissingKey                      no credential; the variable is named
            MissingExtra                    the provider's SDK is not installed
            InvalidPlugin                   an installed provider plug-in that can't be used
            IncompatibleSDK                 an installed SDK that this version can't use; found when a client is opened
        ProviderError                   a request failed
            RateLimited                     wait
            Overloaded                      wait
            ProviderUnavailable             wait, or check the network
                IncompleteAnswer                the answer stopped early
            ContextOverflow                 shorten
            AuthenticationFailed            give up: key or permission
            InvalidRequest                  give up: the request is invalid
                UnknownModel                    no such model
                UnsupportedContent              a block that the provider or model does not take; nothing was sent
                ThinkingRejected                signed thinking in the history that it can't read; the session omits it
            ProtocolError                   give up: the answer is malformed
            IncompatibleSDK                 give up: as above; found by a request
        SessionError                    see runtime/api/errors.py

Errors cross processes: every field goes to ``Exception.__init__`` positionally, because that is all
that pickle restores.
"""

from typing import ClassVar

from .stop_reasons import StopDetails


class RayconteurError(Exception):
    """The base of all errors of this package. *code* identifies the class in programs, logs and events."""

    code: ClassVar[str] = "error"

    @property
    def message(self) -> str:
        """What went wrong and what to do."""
        return str(self.args[0])

    def __str__(self) -> str:
        return self.message


class ConfigError(RayconteurError):
    """Fix the program or its environment; no request was sent."""

    code = "config"


class InvalidConfig(ConfigError, ValueError):
    """A field is invalid."""

    code = "invalid_config"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem

    @property
    def message(self) -> str:
        return f"{self.field}: {self.problem}"


class UnknownProvider(ConfigError):
    """No provider of that name."""

    code = "unknown_provider"


class MissingKey(ConfigError):
    """No credential was given and *variable* is not set."""

    code = "missing_key"

    def __init__(self, provider: str, field: str, variable: str) -> None:
        super().__init__(provider, field, variable)
        self.provider = provider
        self.field = field
        self.variable = variable

    @property
    def message(self) -> str:
        return f"{self.provider} needs a credential: set {self.variable} or give {self.field} in its config"


class MissingExtra(ConfigError):
    """The provider's SDK is not installed where the session runs."""

    code = "missing_extra"

    def __init__(self, provider: str, extra: str) -> None:
        super().__init__(provider, extra)
        self.provider = provider
        self.extra = extra

    @property
    def message(self) -> str:
        return f"the SDK of {self.provider} is not installed: pip install 'rayconteur[{self.extra}]'"


class InvalidPlugin(ConfigError):
    """An installed plug-in of the entry-point group ``rayconteur.providers`` can't be used.

    *entry_point* is the line of the group that declares it, *distribution* the name and version of the package that
    has this line.
    """

    code = "invalid_plugin"

    def __init__(self, entry_point: str, distribution: str, problem: str) -> None:
        super().__init__(entry_point, distribution, problem)
        self.entry_point = entry_point
        self.distribution = distribution
        self.problem = problem

    @property
    def message(self) -> str:
        return (
            f"the provider plug-in '{self.entry_point}' of {self.distribution} can't be used: {self.problem}. "
            "Fix the plug-in or uninstall its distribution"
        )


class ProviderError(RayconteurError):
    """A request to a provider failed.

    *status* is the HTTP status, if there was one; *vendor_code* the provider's own code; *retry_after_s* how long the
    provider asks to wait, *details* what the provider says about content that it rejects. ``retryable`` is true if the
    same request may succeed later.
    """

    code = "provider"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        provider: str = "",
        status: int | None = None,
        vendor_code: str | None = None,
        retry_after_s: float | None = None,
        details: StopDetails | None = None,
    ) -> None:
        super().__init__(message, provider, status, vendor_code, retry_after_s, details)
        self.provider = provider
        self.status = status
        self.vendor_code = vendor_code
        self.retry_after_s = retry_after_s
        self.details = details


class RateLimited(ProviderError):
    """Too many requests or tokens for this key."""

    code = "rate_limited"
    retryable = True


class Overloaded(ProviderError):
    """The provider is overloaded."""

    code = "overloaded"
    retryable = True


class ProviderUnavailable(ProviderError):
    """The provider could not be reached, or had an internal error."""

    code = "unavailable"
    retryable = True


class IncompleteAnswer(ProviderUnavailable):
    """The answer stopped before its end."""

    code = "incomplete_answer"


class ContextOverflow(ProviderError):
    """The request has more tokens than the model's context window."""

    code = "context_overflow"


class AuthenticationFailed(ProviderError):
    """The key is invalid, or lacks the permission."""

    code = "authentication_failed"


class InvalidRequest(ProviderError):
    """The provider rejects the request."""

    code = "invalid_request"


class UnknownModel(InvalidRequest):
    """The provider has no such model, or the key may not use it."""

    code = "unknown_model"


class UnsupportedContent(InvalidRequest):
    """The provider or model does not take such a block. No request was sent."""

    code = "unsupported_content"


class ThinkingRejected(InvalidRequest):
    """The provider can't read signed or encrypted thinking in the history: another model, key or conversation made it.

    A session omits that thinking and repeats the request, once for an answer.
    """

    code = "thinking_rejected"


class ProtocolError(ProviderError):
    """The answer is not what the provider documents. The message has the beginning of the offending bytes."""

    code = "protocol"


class IncompatibleSDK(ConfigError, ProviderError):
    """An installed SDK, or an HTTP library under it, has changed in a part that this version uses.

    *distribution* is its name, *installed* its version, *tested* the version that this one is tested with, *problem*
    Python's error. It is found when a client is opened, or when a request is made.
    """

    code = "incompatible_sdk"

    def __init__(self, provider: str, distribution: str, installed: str, tested: str, problem: str) -> None:
        super().__init__(problem, provider)
        self.args = provider, distribution, installed, tested, problem
        self.distribution = distribution
        self.installed = installed
        self.tested = tested
        self.problem = problem

    @property
    def message(self) -> str:
        sdk, tested = self.distribution, f"'{self.distribution}=={self.tested}'"
        found = f"{self.provider}: this version of rayconteur can't use {sdk} {self.installed} ({self.problem})"
        if self.installed != self.tested:
            return f"{found}; it is tested with {self.tested}: pip install {tested}"
        why = "This is the version tested with, so its files or its dependencies have changed"
        return f"{found}. {why}: pip install --force-reinstall {tested}"
