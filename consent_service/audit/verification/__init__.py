"""Whether the log is whole; and if it is not, what was done to it, by name.

Nothing that is stored is believed because it is stored. ``tree`` recomputes the Merkle log from its leaves and holds
every checkpoint against it, ours and those kept elsewhere; ``chains`` holds every entry against its seal, its leaf and
its links; ``missing`` asks whose are the numbers, places and details that belong to no entry. All of it is one view of
the database, read a page at a time: a log that grows meanwhile raises no alarm, and any size fits in memory.

What no input shows is a log that was cut back together with its newest checkpoints, or a whole database that was
rolled back: only a checkpoint that somebody else kept does (``kept``), or a receipt.
"""
