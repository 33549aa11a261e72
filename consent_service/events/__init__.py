"""The feed a unit follows: ids and states only, numbered after commit without a gap."""
