"""Who a person is here: identity numbers as keyed hashes, their linking, items that wait for someone."""
