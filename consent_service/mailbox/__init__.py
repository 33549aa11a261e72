"""The mailbox as a port, and Digipost behind it."""
