"""step(state, event) → commands: the only caller of ledger, copying, gate and execution."""
