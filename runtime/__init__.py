"""The runtime: sessions, their actors, event delivery and the driver."""

from typing import TYPE_CHECKING

from ..providers.lazy_names import LazyNames

if TYPE_CHECKING:
    from ..providers.schema.tools import Approval, TextTools, ToolStart
    from .api.catalog.entry import CatalogEntry, CatalogState
    from .api.catalog.labels import Labels
    from .api.catalog.retention import Retention
    from .api.compact_reason import CompactReason
    from .api.errors import DeathReason
    from .api.events import (
        ApprovalRequested,
        Continuing,
        Died,
        MessagesAdded,
        ProcessLost,
        QuestionAsked,
        Rewound,
        Steered,
        StepCompleted,
        ToolCompleted,
        ToolFailed,
        ToolProgress,
        ToolStarted,
        TurnEnd,
        Waiting,
    )
    from .api.fleet.followed_template import FollowedTemplate
    from .api.fleet.templates import StoredTemplate, TemplateVersion
    from .api.fleet.where import FleetResult, SessionOutcome, Where
    from .api.journal import (
        JournalConfig,
        MemoryJournalConfig,
        NoJournal,
        PostgresJournalConfig,
        RedisJournalConfig,
        SQLiteJournalConfig,
    )
    from .api.messages import (
        AddMessages,
        AnswerQuestion,
        Approve,
        Close,
        Continue,
        Deny,
        Receipt,
        RequestApproval,
        Rewind,
        ToolUpdate,
    )
    from .api.operations.cluster_status import ClusterStatus, NodeStatus
    from .api.options import OnAbandon, OnToolError, RouterLimits
    from .api.placement import Placement
    from .api.quotas.rules import QuotaRule, Quotas
    from .api.quotas.wait_reason import WaitReason
    from .api.settings.changes import TurnSettings
    from .api.settings.policies import DeferTools, OnCrash, OnInterrupt, OnMaxSteps, OnRefusal, WhenBusy
    from .api.status import (
        ClusterNode,
        CompactResult,
        ForkOrigin,
        NodeDrain,
        SessionList,
        SessionStatus,
        SessionSummary,
        State,
    )
    from .api.tools.approval_policy import ApprovalPolicy
    from .api.tools.builtins import ASK_USER, READ_MESSAGES, READ_RESULT
    from .api.tools.function_tool import FunctionTool
    from .api.tools.places import ActorMethod, RayTask
    from .cluster.start.probe import probe
    from .driver.answers.final_answer import FinalAnswer
    from .driver.catalog import Catalog
    from .driver.config_file.reading import load_config
    from .driver.config_file.runtime_config import RuntimeConfig
    from .driver.nodes.nodes import Nodes
    from .driver.operations.cluster_status import cluster_status
    from .driver.prompt_map import PromptMap
    from .driver.shutdown import shutdown
    from .driver.stored_session import StoredSession
    from .driver.templates.templates import Templates
    from .driver.typed_reply import TypedAnswer, TypedReply
    from .events.reader import Reader
    from .logs.json_formatter import JSONFormatter

_names = LazyNames(
    __name__,
    {
        "..providers.schema.tools": "Approval TextTools ToolStart",
        ".api.catalog.entry": "CatalogEntry CatalogState",
        ".api.catalog.labels": "Labels",
        ".api.catalog.retention": "Retention",
        ".api.compact_reason": "CompactReason",
        ".api.errors": "DeathReason",
        ".api.events": (
            "ApprovalRequested Continuing Died MessagesAdded ProcessLost QuestionAsked Rewound Steered StepCompleted "
            "ToolCompleted ToolFailed ToolProgress ToolStarted TurnEnd Waiting"
        ),
        ".driver.config_file.reading": "load_config",
        ".driver.config_file.runtime_config": "RuntimeConfig",
        ".api.fleet.followed_template": "FollowedTemplate",
        ".api.fleet.templates": "StoredTemplate TemplateVersion",
        ".api.fleet.where": "FleetResult SessionOutcome Where",
        ".api.journal": (
            "JournalConfig MemoryJournalConfig NoJournal PostgresJournalConfig RedisJournalConfig SQLiteJournalConfig"
        ),
        ".api.messages": (
            "AddMessages AnswerQuestion Approve Close Continue Deny Receipt RequestApproval Rewind ToolUpdate"
        ),
        ".api.operations.cluster_status": "ClusterStatus NodeStatus",
        ".api.options": "OnAbandon OnToolError RouterLimits",
        ".api.placement": "Placement",
        ".api.quotas.rules": "QuotaRule Quotas",
        ".api.quotas.wait_reason": "WaitReason",
        ".api.settings.changes": "TurnSettings",
        ".api.settings.policies": "DeferTools OnCrash OnInterrupt OnMaxSteps OnRefusal WhenBusy",
        ".api.status": "CompactResult ForkOrigin NodeDrain ClusterNode SessionList SessionStatus SessionSummary State",
        ".api.tools.approval_policy": "ApprovalPolicy",
        ".api.tools.builtins": "ASK_USER READ_MESSAGES READ_RESULT",
        ".api.tools.function_tool": "FunctionTool",
        ".api.tools.places": "ActorMethod RayTask",
        ".cluster.start.probe": "probe",
        ".driver.answers.final_answer": "FinalAnswer",
        ".driver.catalog": "Catalog",
        ".driver.operations.cluster_status": "cluster_status",
        ".driver.nodes.nodes": "Nodes",
        ".driver.prompt_map": "PromptMap",
        ".driver.shutdown": "shutdown",
        ".driver.stored_session": "StoredSession",
        ".driver.templates.templates": "Templates",
        ".driver.typed_reply": "TypedAnswer TypedReply",
        ".events.reader": "Reader",
        ".logs.json_formatter": "JSONFormatter",
    },
)


def __getattr__(name: str) -> object:
    return _names(name)


def __dir__() -> list[str]:
    return __all__


# fmt: off
__all__ = [
    "ASK_USER",
    "READ_MESSAGES",
    "READ_RESULT",
    "ActorMethod",
    "AddMessages",
    "AnswerQuestion",
    "Approval",
    "ApprovalPolicy",
    "ApprovalRequested",
    "Approve",
    "Catalog",
    "CatalogEntry",
    "CatalogState",
    "Close",
    "ClusterNode",
    "ClusterStatus",
    "CompactReason",
    "CompactResult",
    "Continue",
    "Continuing",
    "DeathReason",
    "DeferTools",
    "Deny",
    "Died",
    "FinalAnswer",
    "FleetResult",
    "FollowedTemplate",
    "ForkOrigin",
    "FunctionTool",
    "JSONFormatter",
    "JournalConfig",
    "Labels",
    "MemoryJournalConfig",
    "MessagesAdded",
    "NoJournal",
    "NodeDrain",
    "NodeStatus",
    "Nodes",
    "OnAbandon",
    "OnCrash",
    "OnInterrupt",
    "OnMaxSteps",
    "OnRefusal",
    "OnToolError",
    "Placement",
    "PostgresJournalConfig",
    "ProcessLost",
    "PromptMap",
    "QuestionAsked",
    "QuotaRule",
    "Quotas",
    "RayTask",
    "Reader",
    "Receipt",
    "RedisJournalConfig",
    "RequestApproval",
    "Retention",
    "Rewind",
    "Rewound",
    "RouterLimits",
    "RuntimeConfig",
    "SQLiteJournalConfig",
    "SessionList",
    "SessionOutcome",
    "SessionStatus",
    "SessionSummary",
    "State",
    "Steered",
    "StepCompleted",
    "StoredSession",
    "StoredTemplate",
    "TemplateVersion",
    "Templates",
    "TextTools",
    "ToolCompleted",
    "ToolFailed",
    "ToolProgress",
    "ToolStart",
    "ToolStarted",
    "ToolUpdate",
    "TurnEnd",
    "TurnSettings",
    "TypedAnswer",
    "TypedReply",
    "WaitReason",
    "Waiting",
    "WhenBusy",
    "Where",
    "cluster_status",
    "load_config",
    "probe",
    "shutdown",
]
# fmt: on
