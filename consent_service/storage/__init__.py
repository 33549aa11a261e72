"""One database behind two drivers: snapshots that read, transactions that write."""
