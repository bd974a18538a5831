"""How long the directory waits, and for what."""

LEASE_S = 5.0
"""How long a driver may be without a connection to the directory. A restart of the directory takes 1 to 2 s."""

BUSY_S = 25.0
"""How much longer a driver may be without one after a restart: its event loop may be busy just then."""

REPORT_S = 3.0
"""How long calls wait, after a restart, for a host that does not say which sessions it has."""

DEATHS_S = 60.0
"""How long it remembers deaths for a router that was told of them and died before its readers were."""

WATCHED_S = 1.0
"""How long a driver's report of a death waits for Ray's, which the directory gets as well."""

TOLD_S = 1.0
"""How long a call waits for others to be told of what it has ended. They are told later, if they are stopped."""

PAUSE_S = 0.5

EMPTY_S = 0.2
"""How long it stays when nobody uses the namespace: for the answers to the last calls."""
