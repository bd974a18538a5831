"""Tools that programs write: functions, and where they run."""
