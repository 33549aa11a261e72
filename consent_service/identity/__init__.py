"""Who is calling: tokens validated in one module, units by their registered client."""
