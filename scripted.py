"""Scripts for the ``Scripted`` provider: its answers, their pace, and where it fails."""

from rayconteur.providers.scripted.script import Call, Cut, Fail, Say, Script, Step, Stop, Think, Wait

__all__ = ["Call", "Cut", "Fail", "Say", "Script", "Step", "Stop", "Think", "Wait"]
